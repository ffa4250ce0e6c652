"""The dense index in one piece against the same vectors in shards, side by side in one process.

Shards here are those of the library, asked as gateways ask deployments but for the way
between processes. How much memory a shard takes is measured in a process of its own.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import faiss
import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eval.bench.growth_material import IDENTITY, Material
from eval.bench.growth_start import start
from eval.bench.machine import this_machine
from eval.bench.ratio import Ratio
from eval.bench.shards_report import LayoutMeasured, ShardsBenchReport, Side
from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.directory import Directory
from retrieval.dense.follower import DenseFollower
from retrieval.dense.holding import Holding, Share
from retrieval.dense.index import DenseIndex, InProcessIndex, Nearest
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import DenseShard, ThreadedShard
from retrieval.dense.sharded import ShardedIndex
from retrieval.dense.snapshot import Snapshot
from retrieval.ids import content_hash

_NAMESPACE, _K = "bench", 10
_BATCH = 50_000
_LIMIT_S = 60.0
_WARM_UP = 20
Found = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShardsPlan:
    """How many vectors, into how many shards, how many questions a round, and rounds."""

    vectors: int = 1_000_000
    layouts: tuple[int, ...] = (1, 2, 4)
    questions: int = 200
    rounds: int = 3


def bench_shards(plan: ShardsPlan) -> ShardsBenchReport:
    """Ask the same questions of one index and of each layout, round by round in turn."""
    material = Material()
    questions = asyncio.run(material.embed_queries(material.questions(plan.questions, 99)))
    with tempfile.TemporaryDirectory(prefix="pmoves-shards-") as folder:
        corpus = _filled(Path(folder), plan.vectors, material)
        exact = _exact(corpus.dataset(), questions)
        whole = start(corpus.uri, None)
        with ThreadPoolExecutor(max(plan.layouts), "bench", faiss.omp_set_num_threads, (1,)) as on:
            follower = _settled(DenseFollower(corpus))
            bench = _Bench(InProcessIndex(on), follower.snapshot, questions, exact, plan.rounds)
            layouts = [_layout(bench, corpus, on, of) for of in plan.layouts]
            follower.close(wait=True)
    return ShardsBenchReport(
        machine=this_machine("faiss-cpu", "pylance"),
        vectors=plan.vectors,
        questions=plan.questions,
        bytes=whole.bytes,
        settled_s=whole.settled_s,
        layouts=layouts,
    )


@dataclass(frozen=True, slots=True)
class _Bench:
    """One index, what it is asked, and what is true."""

    index: DenseIndex
    snapshot: Snapshot
    questions: Vectors
    exact: Found
    rounds: int

    async def compared(self, other: ShardedIndex, snapshot: Snapshot) -> tuple[Side, Side, Ratio]:
        """Return the figures of this index and of the other, and the ratio of medians."""
        sides = ((self.index, self.snapshot), (other, snapshot))
        seconds: list[list[list[float]]] = [[], []]
        recalls = [0.0, 0.0]
        for _ in range(self.rounds):
            for at, (index, seen) in enumerate(sides):
                times, found = await _asked(index, seen, self.questions)
                seconds[at].append(times)
                recalls[at] = _recall(found, self.exact)
        medians = [[float(np.median(times)) for times in rounds] for rounds in seconds]
        one, many = (Side.of(recall, times) for recall, times in zip(recalls, seconds, strict=True))
        return one, many, Ratio.of(medians[1], medians[0])


def _layout(bench: _Bench, corpus: Corpus, threads: ThreadPoolExecutor, of: int) -> LayoutMeasured:
    memory = start(corpus.uri, None, Share(0, of))
    with _shards(corpus, threads, of) as (index, directory):
        one, many, ratio = asyncio.run(_compared(bench, index, directory))
        rows = [state.rows for state in index.shards()]
    return LayoutMeasured(
        shards=of,
        rows=rows,
        bytes=memory.bytes,
        settled_s=memory.settled_s,
        whole=one,
        sharded=many,
        ratio=ratio,
    )


async def _compared(
    bench: _Bench, index: ShardedIndex, directory: Directory
) -> tuple[Side, Side, Ratio]:
    await index.ready(directory.refresh())
    return await bench.compared(index, directory.snapshot)


@contextmanager
def _shards(
    corpus: Corpus, threads: ThreadPoolExecutor, of: int
) -> Iterator[tuple[ShardedIndex, Directory]]:
    followers = [
        _settled(DenseFollower(corpus, holding=Holding(Share(number, of)))) for number in range(of)
    ]
    shards = [DenseShard(number, one) for number, one in enumerate(followers)]
    directory = Directory(corpus)
    try:
        yield ShardedIndex([ThreadedShard(one, threads) for one in shards], directory), directory
    finally:
        directory.close(wait=True)
        for shard in shards:
            shard.close()


def _settled(follower: DenseFollower) -> DenseFollower:
    follower.refresh()
    follower.settle()
    return follower


async def _asked(
    index: DenseIndex, snapshot: Snapshot, questions: Vectors
) -> tuple[list[float], Sequence[Addresses]]:
    asked = [Nearest(question, (_NAMESPACE,), _K) for question in questions]
    for one in asked[:_WARM_UP]:
        await index.nearest(snapshot, one, _LIMIT_S)
    times, found = [], []
    for one in asked:
        begun = time.perf_counter()
        near = await index.nearest(snapshot, one, _LIMIT_S)
        times.append(time.perf_counter() - begun)
        found.append(near.addresses)
    return times, found


def _recall(found: Sequence[Addresses], exact: Found) -> float:
    shares = [np.isin(want, have).mean() for want, have in zip(exact, found, strict=True)]
    return float(np.mean(shares))


def _filled(folder: Path, count: int, material: Material) -> Corpus:
    """Return a corpus of `count` rows that hold what the dense index reads, and nothing else."""
    corpus = Corpus.open(str(folder / "corpus"), IDENTITY)
    for first in range(0, count, _BATCH):
        rows = range(first, min(first + _BATCH, count))
        vectors = material.vectors(len(rows), first)
        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        columns = {
            "namespace": pa.array([_NAMESPACE] * len(rows)),
            "chunk_id": pa.array([f"c{row}" for row in rows]),
            "doc_id": pa.array([f"d{row // 10}" for row in rows]),
            "content_hash": pa.array([content_hash(f"c{row}") for row in rows]),
            "vector": flat,
        }
        schema = corpus.dataset().schema
        kept = pa.schema([schema.field(name) for name in columns])
        lance.write_dataset(pa.table(columns, schema=kept), corpus.chunks_uri, mode="append")
    return corpus


def _exact(dataset: lance.LanceDataset, questions: Vectors) -> Found:
    """Return the addresses of the nearest rows by brute force over the table."""
    rows: Found = np.zeros((len(questions), 0), np.int64)
    scores: Vectors = np.zeros((len(questions), 0), np.float32)
    for batch in dataset.scanner(columns=["vector"], with_row_address=True).to_batches():
        vectors = batch["vector"].flatten().to_numpy().reshape(batch.num_rows, -1)
        addresses = batch["_rowaddr"].to_numpy().astype(np.int64)
        rows = np.hstack([rows, np.tile(addresses, (len(questions), 1))])
        scores = np.hstack([scores, questions @ vectors.T])
        best = np.argsort(-scores, axis=1)[:, :_K]
        rows = np.take_along_axis(rows, best, axis=1)
        scores = np.take_along_axis(scores, best, axis=1)
    return rows
