"""One start of the vector index, in a process of its own: seconds and memory.

`python -m eval.bench.growth_start CORPUS [CACHE [NUMBER OF]]` loads the index of a corpus,
or of its share NUMBER of OF, from the saved one in CACHE unless that is empty, and writes a
`Start` to its output.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil
from pydantic import BaseModel

from eval.errors import EvaluationError
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.holding import Holding, Share
from retrieval.dense.memory import give_back_memory
from retrieval.dense.snapshots_on_disk import SnapshotFolder

_WARM_UP = 2_000


class Start(BaseModel):
    """Seconds until searches can begin, and until nothing is left to build.

    `bytes` is by how much the process has grown then, `peak_bytes` by how much on
    the way, `process_bytes` all that it holds in the end, and `vectors` how many these are.
    """

    ready_s: float
    settled_s: float
    bytes: int
    peak_bytes: int
    process_bytes: int
    vectors: int


def start(uri: str, cache: Path | None, share: Share | None = None) -> Start:
    """Start in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "eval.bench.growth_start",
        uri,
        str(cache or ""),
        *([str(share.number), str(share.of)] if share else []),
    ]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode:
        raise EvaluationError(f"the index of {uri} did not start: {done.stderr.strip()[-500:]}")
    return Start.model_validate_json(done.stdout)


def run(uri: str, cache: Path | None, share: Share | None = None) -> Start:
    """Start in this process."""
    corpus = Corpus.open_existing(uri)
    folder = SnapshotFolder(cache) if cache else None
    follower, process = DenseFollower(corpus, None, folder, Holding(share)), psutil.Process()
    # What reading costs once, code and threads, is not the index's.
    corpus.dataset().to_table(["namespace", "content_hash", "vector"], limit=_WARM_UP)
    give_back_memory()
    before, begun = process.memory_info().rss, time.perf_counter()
    follower.refresh()
    ready = time.perf_counter() - begun
    follower.settle()
    settled = time.perf_counter() - begun
    after = process.memory_info().rss
    vectors = sum(follower.snapshot.counts().values())
    follower.close()
    return Start(
        ready_s=ready,
        settled_s=settled,
        bytes=after - before,
        peak_bytes=_most_bytes() - before,
        process_bytes=after,
        vectors=vectors,
    )


def _most_bytes() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    place = Path(sys.argv[2]) if sys.argv[2:] and sys.argv[2] else None
    part = Share(int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 4 else None
    sys.stdout.write(run(sys.argv[1], place, part).model_dump_json())
