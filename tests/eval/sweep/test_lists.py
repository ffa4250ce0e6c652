"""Lists that are retrieved once give what searches with the same settings give."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.asking import chunks_of
from eval.metrics import parse_metric
from eval.sweep.indexes import PATIENCE, shared_lists
from eval.sweep.lists import SharedLists
from eval.sweep.naming import NAMESPACE, name_entities
from eval.sweep.pair_scores import PairScores
from eval.sweep.points import ALL_TYPES, IndexSetting, Setting, types_asked
from eval.sweep.spec import SweepSpec
from eval.sweep.values import Grid, Steps
from eval.sweep.workplace import Workplace
from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.depths import Depths
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.indexing import index_chunks
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.rerank.stage import RerankStage
from retrieval.settings import LibrarySettings, RerankSettings, SearchSettings
from tests.embedders import WordEmbedder
from tests.eval.sweep.collection import DATASET, DIMENSION, NOW, POINT, ranker, workplace
from tests.retrieval.rerank.checkpoints import make_classifier

GRID = Grid(
    fusion=["convex", "rrf", "dbsf"],
    # Never 0: words alone give equal scores, which the pipeline orders by chunk id.
    alpha=Steps(start=0.2, stop=1, step=0.4),
    neighbor_share=[0, 0.4],
    candidates=[12, 36],
)
# Of the queries two have a word that no passage holds.
SPELT = Grid(
    fusion=["convex", "rrf"], alpha=[0.2], lexical_candidates=[12, 28], typo_tolerance=[False, True]
)
UNEVEN = Grid(fusion=["convex", "rrf"], dense_candidates=[12, 20], lexical_candidates=[12, 28])
SETTINGS = [
    point.search
    for grid in (GRID, UNEVEN, SPELT)
    for point in SweepSpec(dataset="x", grid=grid, k=3).points(POINT)
]
RERANKED = Grid(
    alpha=[0.6],
    neighbor_share=[0, 0.4],
    use_rerank=[True],
    # Fewer than are asked for, more than the settings fetch, and all that is there.
    rerank_topn=[2, 7, 20],
    rerank_k=[1, 2],
    rerank_fusion=["mul", "wsum"],
)
REORDERED = [point.search for point in SweepSpec(dataset="x", grid=RERANKED, k=3).points(POINT)]
# Names that lead from one word of a query to passages that neither side finds.
ENTITIES = [
    DictionaryRow(persona_name=name, alias=alias, entity_type=kind)
    for name, alias, kind in (
        ("boat", "steam", "SHIP"),
        ("rope", "lens", "TOOL"),
        ("lamp", "bread", "TOOL"),
    )
]
TYPES = (ALL_TYPES, ("SHIP",), ("TOOL",))
ALIKE = {"alpha": [0.6], "candidates": None}
BOOSTED = [
    point.search
    for parts in (
        ALIKE | {"graph_boost": [0, 0.2, 1]},
        # What a side finds no more when it looks less deep may still join.
        ALIKE
        | {"fusion": ["convex"], "graph_boost": [0.5], "entity_types": TYPES}
        | {
            "neighbor_share": [0.4],
            "candidates": [12, 30],
            "dense_candidates": [12],
            "lexical_candidates": [12, 20],
        },
    )
    for point in SweepSpec(
        dataset="x", grid=GRID.model_copy(update=parts), k=3, entities=Path("names.csv")
    ).points(POINT)
]


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> SharedLists:
    """What both sides find for every query, 36 passages each."""
    place = workplace(tmp_path_factory.mktemp("sweep"), k=3, depths=Depths(36, 36, 36))
    return asyncio.run(shared_lists(place, DATASET, IndexSetting(), quiet))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of its own that holds the same documents."""
    return corpus_in(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The same, for entities to be added."""
    return corpus_in(tmp_path_factory.mktemp("named corpus"))


def corpus_in(folder: Path) -> Corpus:
    embedder = BatchingEmbedder(WordEmbedder(DIMENSION))
    corpus = Corpus.open(str(folder), embedder.identity)
    asyncio.run(index_chunks(corpus, embedder, chunks_of(DATASET, NAMESPACE), replace=True))
    embedder.close()
    return corpus


async def searched(
    corpus: Corpus,
    setting: Setting,
    entities: Sequence[DictionaryRow] = (),
    stage: RerankStage | None = None,
) -> dict[str, list[str]]:
    """Return the documents of every query, best first, by whole searches."""
    settings = setting.within(SearchSettings(candidates=12).model_copy(update=PATIENCE))
    embedder = BatchingEmbedder(WordEmbedder(DIMENSION))
    searcher = Searcher(corpus, embedder, settings, reranking=stage)
    await name_entities(searcher, entities)
    found: dict[str, list[str]] = {}
    for query_id, text in DATASET.queries.items():
        request = SearchRequest(
            query=text,
            namespace=NAMESPACE,
            k=3,
            rerank_k=setting.rerank_k,
            entity_types=types_asked(setting.entity_types),
        )
        hits = (await searcher.search(request)).hits
        found[query_id] = list(dict.fromkeys(hit.doc_id for hit in hits))
    searcher.close()
    embedder.close()
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.integration
async def test_shared_lists_rank_as_the_pipeline_does(
    lists: SharedLists, stored: Corpus, setting: Setting
) -> None:
    ranked = ranker(lists).ranked(setting)
    for query_id, hits in (await searched(stored, setting)).items():
        assert ranked[query_id] == hits


@pytest.fixture(scope="module")
def reranking(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A place whose settings name a small cross-encoder, which is off."""
    place = workplace(tmp_path_factory.mktemp("reranking"), k=3)
    model = make_classifier(place.folder / "model")
    rerank = RerankSettings(model=str(model), timeout_ms=300_000)
    return replace(place, settings=place.settings.model_copy(update={"rerank": rerank}))


@pytest.fixture(scope="module")
def scored(reranking: Workplace) -> PairScores:
    """The scores that all tests of this module share."""
    return PairScores(reranking)


@pytest.mark.parametrize("setting", REORDERED, ids=str)
@pytest.mark.integration
async def test_what_is_reranked_stands_as_the_pipeline_has_it(
    lists: SharedLists, stored: Corpus, reranking: Workplace, scored: PairScores, setting: Setting
) -> None:
    # Scores of a server are asked for in a loop of their own, so never inside one.
    found = await asyncio.to_thread(ranker(lists, DATASET, 3, reranking, scored).ranked, setting)
    settings = setting.reranking(reranking.settings.rerank)
    assert settings is not None
    async with scored.asked(settings) as model:
        stage = RerankStage(model, settings, "the same")
        expected = await searched(stored, setting, stage=stage)
    assert found == expected


@pytest.mark.integration
def test_each_pair_is_scored_once_and_kept(
    lists: SharedLists, reranking: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = replace(reranking, code="other code")
    first = PairScores(place)
    settings, metric = REORDERED, parse_metric("nDCG@10")
    values = ranker(lists, DATASET, 3, place, first).values(settings, metric)
    first.keep()
    assert len({tuple(series.values()) for series in values.values()}) > 1

    def refuse(*_arguments: object) -> None:
        raise AssertionError("loaded again")

    monkeypatch.setattr("eval.sweep.pair_scores.load_reranker", refuse)
    again = ranker(lists, DATASET, 3, place, PairScores(place)).values(settings, metric)
    assert again == values
    # Weights that were trained further are another model.
    weights = Path(place.settings.rerank.model) / "model.safetensors"
    os.utime(weights, (1, 1))
    with pytest.raises(AssertionError, match="loaded again"):
        ranker(lists, DATASET, 3, place, PairScores(place)).values(settings, metric)


@pytest.fixture(scope="module")
def named_lists(tmp_path_factory: pytest.TempPathFactory) -> SharedLists:
    """What both sides and the names find, 30 passages each at most."""
    place = replace(
        workplace(tmp_path_factory.mktemp("named"), k=3, depths=Depths(30, 30, 30)),
        entities=tuple(ENTITIES),
        types=TYPES,
    )
    return asyncio.run(shared_lists(place, DATASET, IndexSetting(), quiet))


@pytest.mark.parametrize("setting", BOOSTED, ids=str)
@pytest.mark.integration
async def test_entities_raise_what_they_raise_in_the_pipeline(
    named_lists: SharedLists, named: Corpus, setting: Setting
) -> None:
    ranked = ranker(named_lists).ranked(setting)
    for query_id, hits in (await searched(named, setting, ENTITIES)).items():
        assert ranked[query_id] == hits


def test_a_query_without_corrections_finds_less(lists: SharedLists) -> None:
    settings = [
        NOW.model_copy(update={"typo_tolerance": value, "alpha": 0.0}) for value in (True, False)
    ]
    read, written = (ranker(lists).ranked(setting) for setting in settings)
    differ = {name for name in read if read[name] != written[name]}
    assert differ == {"q8", "q9"}
    assert ranker(lists).ranked(NOW.model_copy(update={"alpha": 0.0})) == read


def test_names_bring_in_what_neither_side_found(named_lists: SharedLists) -> None:
    shallow = Depths(12, 12, 12)
    for at in range(len(TYPES)):
        joined = [
            query
            for query in named_lists.queries
            if len(query.found(shallow, None).rows) < len(query.found(shallow, at).rows)
        ]
        assert joined
    assert all(query.weights.max() <= 1 for query in named_lists.queries)
    rankings = {
        boost: ranker(named_lists).ranked(NOW.model_copy(update={"graph_boost": boost}))
        for boost in (0.0, 1.0)
    }
    assert rankings[0.0] != rankings[1.0]


def test_values_are_those_of_the_metric(lists: SharedLists) -> None:
    metric, ranking = parse_metric("nDCG@10"), ranker(lists)
    seen: list[int] = []
    values = ranking.values(SETTINGS, metric, lambda done, _total: seen.append(done))
    assert seen == list(range(1, 11))
    for setting in SETTINGS:
        for query_id, ranked in ranking.ranked(setting).items():
            expected = metric.compute(ranked, DATASET.qrels[query_id])
            assert values[setting][query_id] == expected


def test_lists_come_back_from_disk_as_they_were(lists: SharedLists, tmp_path: Path) -> None:
    assert SharedLists.load(tmp_path / "lists") is None
    lists.save(tmp_path / "lists")
    lists.save(tmp_path / "lists")
    found = SharedLists.load(tmp_path / "lists")
    assert found is not None
    assert [part.name for part in tmp_path.iterdir()] == ["lists"]
    assert ranker(found).ranked(NOW) == ranker(lists).ranked(NOW)
    assert np.array_equal(found.vectors, lists.vectors)


def test_a_query_that_is_a_document_does_not_find_itself(lists: SharedLists) -> None:
    named = {query_id.replace("q", "d"): text for query_id, text in DATASET.queries.items()}
    kept = replace(DATASET, queries=named)
    same = replace(kept, drop_identical_ids=True)
    renamed = SharedLists(
        [replace(query, query_id=query.query_id.replace("q", "d")) for query in lists.queries],
        lists.types,
        lists.documents,
        lists.vectors,
        lists.texts,
    )
    assert any(
        query_id in ranked for query_id, ranked in ranker(renamed, kept, 50).ranked(NOW).items()
    )
    for query_id, ranked in ranker(renamed, same, 50).ranked(NOW).items():
        assert query_id not in ranked


async def test_what_is_on_disk_is_neither_embedded_nor_retrieved_again(tmp_path: Path) -> None:
    texts: list[str] = []

    class Counting(WordEmbedder):
        def embed_passages(self, given: Sequence[str]) -> Vectors:
            texts.extend(given)
            return super().embed_passages(given)

    place = workplace(tmp_path)
    counting = replace(place, load=lambda _settings: Counting(DIMENSION))
    first = await shared_lists(counting, DATASET, IndexSetting(), quiet)
    assert len(texts) == len(set(texts)) == 36 + 10
    again = await shared_lists(counting, DATASET, IndexSetting(), quiet)
    assert ranker(again, DATASET, 50).ranked(NOW) == ranker(first, DATASET, 50).ranked(NOW)
    # Other questions are asked in the same index.
    other = replace(DATASET, queries={"q0": "lamp oven"})
    stages: list[str] = []
    await shared_lists(
        counting, other, IndexSetting(), lambda stage, _done, _total: stages.append(stage)
    )
    assert stages == ["embed", "retrieve"]
    # Another prefix of questions makes another index, but the passages are known.
    await shared_lists(counting, DATASET, IndexSetting(query_prefix="find: "), quiet)
    assert len(texts) == 36 + 10 + 1 + 10
    assert len(list((tmp_path / "indexes").iterdir())) == 2


def test_settings_are_handed_to_the_search() -> None:
    settings = LibrarySettings().search
    kept = NOW.within(settings)
    assert (kept.alpha, kept.neighbor_share, kept.candidates) == (0.7, 0.4, settings.candidates)
    assert NOW.model_copy(update={"candidates": 40}).within(settings).candidates == 40
