"""A throw-away index for each way of indexing, and what both sides find in it."""

import asyncio
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from filelock import FileLock

from eval.asking import index_dataset
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.progress import Progress
from eval.sweep.lists import FILES, SharedLists
from eval.sweep.naming import NAMESPACE, name_entities
from eval.sweep.points import IndexSetting, types_asked
from eval.sweep.query_lists import COLUMNS
from eval.sweep.vectors import PORTION, RememberingEmbedder
from eval.sweep.workplace import Workplace
from eval.systems.local import LocalSystem
from retrieval.dense.snapshot import Snapshot
from retrieval.ids import content_hash
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.retrievers import Candidates
from retrieval.settings import LibrarySettings

_Answer = tuple[Candidates, Snapshot]
_CONCURRENCY = 4
_DIGITS = 16
# Nobody waits for an answer here, and a late side would falsify a trial.
PATIENCE = {
    f"{stage}_ms": 300_000
    for stage in ("timeout", "embed_timeout", "dense_timeout", "lexical_timeout", "graph_timeout")
}


async def shared_lists(
    place: Workplace, dataset: Dataset, index: IndexSetting, progress: Progress
) -> SharedLists:
    """Return what both sides find for every judged query, from disk where it was found before.

    Raises `EvaluationError` where there are no documents or a side failed.
    """
    if not dataset.documents:
        raise EvaluationError(f"{dataset.name} has no documents, so that nothing can be indexed")
    dataset = place.passages(dataset, index)
    home = place.home(dataset, index)
    queries = json.dumps(sorted(dataset.judged_queries.items()))
    asked = content_hash(queries, str(place.depths), str(place.types), *COLUMNS, *FILES)
    folder = home / f"lists-{asked[:_DIGITS]}"
    home.mkdir(parents=True, exist_ok=True)
    # Two processes would compact the same tables under each other's searches.
    with FileLock(home / "lock"):
        if (found := SharedLists.load(folder)) is None:
            found = await _found(place, dataset, index, home, progress)
            found.save(folder)
    # Read again, so that the vectors take no memory.
    return SharedLists.load(folder) or found


async def _found(
    place: Workplace, dataset: Dataset, index: IndexSetting, home: Path, progress: Progress
) -> SharedLists:
    """Index `dataset` and ask both sides.

    What is indexed already is not indexed again, and what was embedded for any index of
    the same model is not embedded again.
    """
    settings = index_settings(place, index)
    embedder = RememberingEmbedder(settings.embedding, place.vectors, place.load)
    system = LocalSystem(settings, str(home / "corpus"), embedder)
    try:
        await asyncio.to_thread(_embed, embedder, dataset, progress)
        version = await _indexed(system, dataset, home / "indexed", progress)
        await name_entities(system.searcher, place.entities)
        return await _retrieved(system.searcher, dataset, version, place, progress)
    finally:
        await system.close()


def _embed(embedder: RememberingEmbedder, dataset: Dataset, progress: Progress) -> None:
    """Embed everything ahead: in batches, a text costs a fraction of what it costs alone."""
    passages = [text for document in dataset.documents for text in document.indexed]
    for start in range(0, len(passages), PORTION):
        embedder.embed_passages(passages[start : start + PORTION])
        progress("embed", min(start + PORTION, len(passages)), len(passages))
    embedder.embed_queries(list(dataset.judged_queries.values()))


async def _indexed(system: LocalSystem, dataset: Dataset, note: Path, progress: Progress) -> int:
    """Return the version that shows all of `dataset`; `note` tells that it is complete."""
    version = await asyncio.to_thread(lambda: system.searcher.corpus.version)
    if not note.exists() or note.read_text() != str(version):
        version = await index_dataset(system, dataset, NAMESPACE, progress)
        note.write_text(str(version))
    return version


def index_settings(place: Workplace, index: IndexSetting) -> LibrarySettings:
    """Return the settings under which `index` is made and searched."""
    settings = place.settings
    depths = place.depths
    fetched = {
        "candidates": depths.joining,
        "dense_candidates": depths.dense,
        "lexical_candidates": depths.lexical,
    }
    search = settings.search.model_copy(update=PATIENCE | fetched)
    dense = settings.dense.model_copy(update={"save": False})
    # The lists are taken before a reranker would come in.
    rerank = settings.rerank.model_copy(update={"enabled": False})
    if place.entities:
        # Else whoever has turned it off would get no mentions; neighbors are not tried.
        search = search.model_copy(update={"graph_boost": 1.0, "neighbor_boost": 0.0})
    update = {"search": search, "dense": dense, "rerank": rerank}
    return settings.model_copy(update={**update, "embedding": place.embedding(index)})


async def _retrieved(
    searcher: Searcher, dataset: Dataset, version: int, place: Workplace, progress: Progress
) -> SharedLists:
    """Ask each query once for each set of types that count, and again where it was corrected."""
    slots, done = asyncio.Semaphore(_CONCURRENCY), 0
    queries = dataset.judged_queries

    async def ask(text: str) -> tuple[list[_Answer], list[_Answer]]:
        nonlocal done
        request = SearchRequest(
            query=text,
            namespace=NAMESPACE,
            k=place.k,
            min_index_version=version,
            typo_tolerance=True,
        )
        asked = [request.model_copy(update={"entity_types": types_asked(t)}) for t in place.types]
        async with slots:
            found = written = [await searcher.candidates(each) for each in asked]
            if found[0][0].corrections:
                as_is = [each.model_copy(update={"typo_tolerance": False}) for each in asked]
                written = [await searcher.candidates(each) for each in as_is]
        done += 1
        progress("retrieve", done, len(queries))
        return found, written

    answers = await asyncio.gather(*(ask(text) for text in queries.values()))
    snapshot = _common_snapshot(list(chain.from_iterable(chain.from_iterable(answers))))
    found = {
        name: (_only(found), _only(written))
        for name, (found, written) in zip(queries, answers, strict=True)
    }
    return SharedLists.of(found, place.types, snapshot, NAMESPACE)


def _only(answers: Sequence[_Answer]) -> list[Candidates]:
    return [candidates for candidates, _ in answers]


def _common_snapshot(answers: Sequence[_Answer]) -> Snapshot:
    """Return what all searches saw; `EvaluationError` where a side failed, or the index moved."""
    last = answers[-1][1]
    for candidates, snapshot in answers:
        for lost in candidates.degraded:
            raise EvaluationError(f"a query was answered in part: {lost.stage}: {lost.reason}")
        if snapshot.version != last.version:
            raise EvaluationError("the index of a trial changed meanwhile; start the sweep again")
    return last
