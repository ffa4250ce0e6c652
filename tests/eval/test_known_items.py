"""Known items made from a small collection."""

from eval.datasets.base import Dataset, DatasetDocument
from eval.known_items import known_items

DOCUMENTS = (
    DatasetDocument("a", "The tide turns early in March. Bring the long cable for it.", "Tides"),
    DatasetDocument("b", "Render farms need quiet power supplies at night.", "Farm notes"),
    DatasetDocument("c", "Render farms need quiet power supplies at night.", "Farm notes, again"),
    DatasetDocument("d", "of it at", "Same"),
    DatasetDocument("e", "", "Same"),
)
DATASET = Dataset("tiny", DOCUMENTS, {"x": "?"}, {"x": {"a": 1}}, drop_identical_ids=True)


def test_every_query_is_a_piece_of_its_only_document() -> None:
    suite = known_items(DATASET)
    passages = {document.doc_id: document.passage for document in DOCUMENTS}
    assert suite.documents == DOCUMENTS
    assert suite.queries.keys() == suite.qrels.keys()
    for query_id, grades in suite.qrels.items():
        holders = {
            doc_id
            for doc_id, passage in passages.items()
            if f" {suite.queries[query_id]} " in f" {' '.join(passage.split())} "
        }
        assert holders == set(grades) == {query_id.split(":", 1)[1]}


def test_kinds_and_what_is_left_out() -> None:
    suite = known_items(DATASET)
    assert suite.queries["title:a"] == "Tides"
    assert len(suite.queries["extract:a"].split()) == 4
    assert suite.queries["sentence:a"] in DOCUMENTS[0].text
    assert "title:d" not in suite.queries  # two documents have that title
    assert "sentence:b" not in suite.queries  # two documents hold that sentence
    assert not any(query_id.startswith("extract:d") for query_id in suite.queries)
    assert not suite.drop_identical_ids


def test_the_seed_decides_and_nothing_else() -> None:
    many = tuple(
        DatasetDocument(f"{n}", f"word{n} alpha beta gamma delta epsilon zeta eta.", f"Title {n}")
        for n in range(60)
    )
    dataset = Dataset("many", many, {}, {})
    turned = Dataset("many", many[::-1], {}, {})
    assert known_items(dataset, 10, seed=1).queries == known_items(turned, 10, seed=1).queries
    assert known_items(dataset, 10, seed=1).queries != known_items(dataset, 10, seed=2).queries
    counts = [query_id.split(":")[0] for query_id in known_items(dataset, 10).queries]
    assert {kind: counts.count(kind) for kind in counts} == {
        "title": 10,
        "extract": 10,
        "sentence": 10,
    }
