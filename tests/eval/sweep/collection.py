"""A small collection, points over it, and a place to make its indexes."""

import json
from dataclasses import replace
from pathlib import Path

from eval.datasets.base import Dataset, DatasetDocument
from eval.sweep.lists import SharedLists
from eval.sweep.pair_scores import PairScores
from eval.sweep.points import IndexSetting, Point, Setting
from eval.sweep.ranking import Ranker
from eval.sweep.workplace import Workplace
from retrieval.depths import Depths
from retrieval.embedding.base import Embedder
from retrieval.settings import EmbeddingSettings, LibrarySettings
from tests.embedders import WordEmbedder

WORDS = ["boat", "sail", "rope", "lamp", "tide", "harbour", "oven", "bread", "steam", "lens"]
DOCUMENTS = tuple(
    DatasetDocument(
        f"d{n}",
        "",
        passages=tuple(f"{WORDS[(n + at) % 10]} {WORDS[(n * 3 + at) % 10]} {n}" for at in range(3)),
    )
    for n in range(12)
)
DATASET = Dataset(
    "small",
    DOCUMENTS,
    {f"q{n}": f"{WORDS[n]} {WORDS[(n + 4) % 10]}" for n in range(8)}
    | {"q8": "staem rope", "q9": "harbuor lamp"},
    {f"q{n}": {f"d{n}": 1, f"d{(n + 1) % 12}": 2} for n in range(10)},
)
# Texts that are cut, so that another chunk size gives another index.
CUT = replace(
    DATASET,
    documents=tuple(
        DatasetDocument(document.doc_id, "\n\n".join(document.passages * 4))
        for document in DOCUMENTS
    ),
)
NOW = Setting(fusion="convex", alpha=0.7, neighbor_share=0.4)
POINT = Point(index=IndexSetting(), search=NOW)
# The dimension of the packaged model, whose identity indexes are made with.
DIMENSION = 384
DEEP = Depths(200, 200, 200)


def load_words(settings: EmbeddingSettings) -> Embedder:
    """Return an embedder of words with the prefixes of `settings`."""
    return WordEmbedder(
        DIMENSION, query_prefix=settings.query_prefix, passage_prefix=settings.passage_prefix
    )


def workplace(folder: Path, k: int = 50, depths: Depths = DEEP) -> Workplace:
    """Return a place in `folder` whose model knows words only."""
    # Their own depth where a setting leaves it open.
    settings = LibrarySettings(home=folder, search={"candidates": 12})
    return Workplace(folder, settings, k, depths, "code", load=load_words)


def ranker(
    lists: SharedLists,
    dataset: Dataset = DATASET,
    k: int = 3,
    place: Workplace | None = None,
    pairs: PairScores | None = None,
) -> Ranker:
    """Return a ranker of searches for `k` passages; without a `place`, nothing may be reranked."""
    place = place or workplace(Path("nowhere"))
    return Ranker(lists, dataset, k, place.settings, pairs or PairScores(place))


def write_beir(folder: Path) -> Path:
    """Write `CUT` into `folder` in BEIR's layout; return it."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": document.doc_id, "text": document.text} for document in CUT.documents]
    queries = [{"_id": name, "text": text} for name, text in CUT.queries.items()]
    for name, records in {"corpus": corpus, "queries": queries}.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    rows = [
        f"{query}\t{doc_id}\t{grade}\n"
        for query, grades in CUT.qrels.items()
        for doc_id, grade in grades.items()
    ]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder
