"""The labelled questions about the sample library, and what they claim."""

from collections import Counter
from collections.abc import Mapping

import pytest

from cluster.sample_collection import sample_library
from eval.datasets.base import Dataset
from eval.library import library_files, library_hash

TAGS = {"names", "paraphrase", "codes", "multi-hop", "typo", "format"}


@pytest.fixture(scope="module")
def library() -> Dataset:
    """The sample library, parsed and cut."""
    return sample_library()


def plain(text: str) -> str:
    return " ".join(text.split())


def answers(library: Dataset, query_id: str) -> Mapping[str, object]:
    metadata = library.record(query_id)["metadata"]
    assert isinstance(metadata, dict)
    found = metadata["answers"]
    assert isinstance(found, dict)
    return found


def test_every_document_of_the_library_is_there(library: Dataset) -> None:
    assert library.name == "library"
    assert library.document_ids == {path.name for path in library_files().iterdir()}
    assert all(document.passages for document in library.documents)
    assert library.documents_hash == library_hash()


def test_there_are_enough_questions_of_every_kind(library: Dataset) -> None:
    counts = Counter(tag for query_id in library.queries for tag in library.tags(query_id))
    assert set(counts) == TAGS
    assert min(counts.values()) >= 10
    assert len(library.judged_queries) == len(library.queries) >= 60


def test_every_judged_document_exists(library: Dataset) -> None:
    judged = {doc_id for grades in library.qrels.values() for doc_id in grades}
    assert judged <= library.document_ids


def test_judgements_are_graded(library: Dataset) -> None:
    grades = Counter(grade for found in library.qrels.values() for grade in found.values())
    assert set(grades) == {0, 1, 2}
    assert all(2 in found.values() for found in library.qrels.values())


def test_what_answers_a_question_stands_in_its_documents(library: Dataset) -> None:
    texts = {document.doc_id: plain(document.text) for document in library.documents}
    missing = [
        (query_id, doc_id, answer)
        for query_id in library.queries
        for doc_id, answer in answers(library, query_id).items()
        if str(answer) not in texts[doc_id]
    ]
    assert not missing


def test_every_full_answer_is_quoted(library: Dataset) -> None:
    for query_id, grades in library.qrels.items():
        full = {doc_id for doc_id, grade in grades.items() if grade == 2}
        assert answers(library, query_id).keys() == full, query_id


def test_questions_that_need_several_documents_judge_several(library: Dataset) -> None:
    for query_id in library.queries:
        if "multi-hop" in library.tags(query_id):
            assert len([g for g in library.qrels[query_id].values() if g > 0]) >= 2


def test_no_document_answers_everything(library: Dataset) -> None:
    full = Counter(d for found in library.qrels.values() for d, g in found.items() if g == 2)
    assert len(full) >= 25
    assert max(full.values()) <= 8
