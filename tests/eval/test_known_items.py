"""Known items made from a small collection."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.base import Dataset, DatasetDocument
from eval.known_items import known_items

DOCUMENTS = (
    DatasetDocument(
        "a", "The current turns early in March. Bring the long cables for it.", "Tides"
    ),
    DatasetDocument("b", "Render farms need quiet power supplies at night.", "Farm notes"),
    DatasetDocument("c", "Render farms need quiet power supplies at night.", "Farm notes, again"),
    DatasetDocument("d", "of it at", "Same"),
    DatasetDocument("e", "", "Same"),
)
DATASET = Dataset("tiny", DOCUMENTS, {"x": "?"}, {"x": {"a": 1}}, drop_identical_ids=True)


def test_every_query_is_a_piece_of_its_only_document() -> None:
    suite = known_items(DATASET)
    assert "typo:a" in suite.queries
    passages = {document.doc_id: document.passage for document in DOCUMENTS}
    assert suite.documents == DOCUMENTS
    assert suite.queries.keys() == suite.qrels.keys()
    for query_id, grades in suite.qrels.items():
        if query_id.startswith("typo:"):
            continue
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
        DatasetDocument(
            f"{n}", f"word{n} alphabet{n} beta{n} gamma{n} delta{n} epsilon{n}.", f"Title {n}"
        )
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
        "typo": 10,
    }
    assert suite_tags(dataset) == {"title", "extract", "sentence", "typo"}


def document(at: int, version: int, words: int) -> DatasetDocument:
    """Return a text of sentences that no other document or version holds."""
    own = f"{'abcdefghij'[at]}{'qrstuvwxyz'[version]}"
    text = " ".join(
        f"word{n}{own} of the Letters{own}{'klmnop'[n % 6]} and CODE-{own}{n} is here."
        for n in range(words)
    )
    return DatasetDocument(f"doc {at}", text, f"Title {own}")


collections = st.dictionaries(
    st.integers(0, 9), st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=2
)


@given(collections, st.tuples(st.integers(5, 9), st.integers(0, 9)), st.data())
def test_one_document_leaves_the_queries_of_the_others_alone(
    made: dict[int, tuple[int, int]], changed: tuple[int, int], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, 9))
    suites = []
    for versions in (made, made | {at: changed}, {k: v for k, v in made.items() if k != at}):
        documents = tuple(document(key, *value) for key, value in versions.items())
        queries = known_items(Dataset("some", documents, {}, {}), seed=3).queries
        suites.append({key: query for key, query in queries.items() if f":doc {at}" not in key})
    assert suites[0] == suites[1] == suites[2]
    assert len(suites[0]) >= len(made.keys() - {at})


def test_where_not_all_have_room_a_new_document_takes_the_place_of_one() -> None:
    documents = tuple(document(at, 0, 5) for at in range(9))
    before = known_items(Dataset("some", documents, {}, {}), 4).queries
    new = document(9, 0, 5)
    after = known_items(Dataset("some", (*documents, new), {}, {}), 4).queries
    for kind in ("title", "extract", "sentence", "typo", "identifier"):
        old, now = ({k: v for k, v in q.items() if k.startswith(kind)} for q in (before, after))
        assert len(old) == len(now) == 4
        assert now.items() - old.items() <= {(f"{kind}:doc 9", now.get(f"{kind}:doc 9"))}


def test_words_added_to_a_document_leave_most_of_its_queries_alone() -> None:
    old = [document(at, 0, 9) for at in range(10)]
    new = [dataclasses.replace(each, text=f"{each.text} The end has come.") for each in old]
    before, after = (
        known_items(Dataset("some", tuple(docs), {}, {})).queries for docs in (old, new)
    )
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) <= len(before) / 5


def suite_tags(dataset: Dataset) -> set[str]:
    suite = known_items(dataset)
    return {tag for query_id in suite.queries for tag in suite.tags(query_id)}


def test_a_typo_is_two_letters_exchanged() -> None:
    suite = known_items(DATASET)
    asked = suite.queries["typo:a"].split()
    text = DOCUMENTS[0].text.split()
    runs = [text[start : start + 4] for start in range(len(text) - 3)]
    (run,) = [run for run in runs if sum(a != b for a, b in zip(run, asked, strict=True)) == 1]
    (wrong, right) = next((a, b) for a, b in zip(asked, run, strict=True) if a != b)
    assert sorted(wrong) == sorted(right)
    assert wrong[0] == right[0]
    assert sum(a != b for a, b in zip(wrong, right, strict=True)) == 2


def test_an_identifier_stands_nowhere_else_in_whatever_brackets() -> None:
    documents = (
        DatasetDocument("one", "Order KX-5502 and RB-0061 of 2026-05-15 with 8-bit, A4 and A-9"),
        DatasetDocument("two", "The job (KX-5502) was paid on 2026-05-15."),
    )
    suite = known_items(Dataset("codes", documents, {}, {}))
    codes = {query for query_id, query in suite.queries.items() if "identifier" in query_id}
    assert codes <= {"RB-0061"}
    for seed in range(20):
        found = known_items(Dataset("codes", documents, {}, {}), seed=seed).queries
        codes |= {query for query_id, query in found.items() if "identifier" in query_id}
    assert codes == {"RB-0061"}


def test_endless_words_and_books_are_no_trouble() -> None:
    endless = DatasetDocument("one", f"{'x' * 9000} and other words. " * 2, "t" * 9000)
    book = DatasetDocument("two", "".join(f"word{n} follows word. " for n in range(40_000)))
    queries = known_items(Dataset("big", (endless, book), {}, {})).queries
    assert all(len(query) <= 1_000 for query in queries.values())
    assert {"extract:two", "typo:two"} <= queries.keys()
