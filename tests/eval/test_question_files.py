"""Collections that are one file, TREC's layout, and collections that lie elsewhere."""

import json
from pathlib import Path

import fsspec
import pytest

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.load import load_dataset
from eval.datasets.questions import read_questions
from eval.errors import DatasetError

LINES: list[dict[str, object]] = [
    {"query": "what lifts?", "namespace": "wings", "relevant": ["a", "b"], "tags": ["air"]},
    {"id": "q7", "query": "what drags?", "gold_ids": ["c"], "metadata": {"persona": "Archon"}},
    {"query": "graded", "relevant": {"a": 2, "b": 0}, "options": {"alpha": 0.3}},
]


def jsonl(tmp_path: Path, *records: object) -> Path:
    """Write `records` as JSON Lines, those that are text as they are."""
    file = tmp_path / "archon.jsonl"
    lines = [item if isinstance(item, str) else json.dumps(item) for item in records]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_the_predecessors_questions(tmp_path: Path) -> None:
    dataset = load_dataset(jsonl(tmp_path, *LINES))
    assert dataset.name == "archon"
    assert dataset.documents == ()
    assert list(dataset.queries) == ["line-1", "q7", "line-3"]
    assert dataset.qrels == {"line-1": {"a": 1, "b": 1}, "q7": {"c": 1}, "line-3": {"a": 2, "b": 0}}
    assert dataset.record("line-1") == {
        "id": "line-1",
        "query": "what lifts?",
        "namespace": "wings",
        "tags": ["air"],
    }
    assert dataset.tags("line-1") == ["air"]
    assert dataset.tags("q7") == []
    assert dataset.records["q7"] == {"metadata": {"persona": "Archon"}}
    assert dataset.records["line-3"] == {"options": {"alpha": 0.3}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"query": ', r"archon\.jsonl:2: not JSON"),
        ({"query": "x"}, r"archon\.jsonl:2: record: .*give either relevant or gold_ids"),
        ({"query": "x", "relevant": ["a"], "gold_ids": ["a"]}, "either relevant or gold_ids"),
        ({"query": "x", "relevant": []}, "no id of an answer"),
        ({"query": "", "relevant": ["a"]}, r"jsonl:2: query: "),
        ({"query": "x", "relevant": ["a"], "gold": 1}, r"jsonl:2: gold: Extra inputs"),
        ({"query": "x", "relevant": ["a"], "options": {"k": 3}}, "k is chosen by the evaluation"),
        ({"query": "x", "relevant": ["a"], "options": {"alpha": 3}}, r"options\.alpha: "),
        ({"id": "line-1", "query": "x", "relevant": ["a"]}, "'line-1' is used twice"),
    ],
)
def test_faults_in_questions_are_named(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset(jsonl(tmp_path, LINES[0], line))


def test_questions_about_documents_name_known_ones(tmp_path: Path) -> None:
    documents = (DatasetDocument("a", "one"), DatasetDocument("b", "two"))
    assert read_questions(jsonl(tmp_path, LINES[0]), documents).documents == documents
    with pytest.raises(DatasetError, match=r"jsonl:2: no document has the id 'c'"):
        read_questions(jsonl(tmp_path, *LINES), documents)


def test_the_hash_sees_tags_and_options(tmp_path: Path) -> None:
    hashes = {load_dataset(jsonl(tmp_path, *LINES)).content_hash}
    changes: list[dict[str, object]] = [{"tags": ["sea"]}, {"options": {"alpha": 0.1}}]
    for change in changes:
        hashes.add(load_dataset(jsonl(tmp_path, LINES[0] | change, *LINES[1:])).content_hash)
    assert len(hashes) == 3


def test_files_stand_for_documents_that_were_parsed_from_them() -> None:
    found = [
        Dataset("x", (DatasetDocument("a", text),), {"q": "?"}, {"q": {"a": 1}}, source_hash=source)
        for text, source in [("as read", "1"), ("as read by another parser", "1"), ("as read", "2")]
    ]
    first, second, other = (dataset.content_hash for dataset in found)
    assert first == second != other


def csv_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "asked.csv"
    file.write_text(text)
    return file


def test_a_table_has_a_row_for_each_judgement(tmp_path: Path) -> None:
    dataset = load_dataset(
        csv_file(
            tmp_path,
            "query_id,query,relevant,grade,tags,namespace\n"
            'q1,"who, then?",a,2,names; short,office\n'
            'q1,"who, then?",b,0,,\n'
            "\n"
            ",when?,a,,,\n",
        )
    )
    assert dataset.queries == {"q1": "who, then?", "when?": "when?"}
    assert dataset.qrels == {"q1": {"a": 2, "b": 0}, "when?": {"a": 1}}
    assert dataset.records == {"q1": {"namespace": "office", "tags": ["names", "short"]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query\nx\n", r"asked\.csv:1: the header lacks the column 'relevant'"),
        ("query,relevant,rank\n", r"asked\.csv:1: the column 'rank' is none of query, rel"),
        ("query,relevant\nx,a\ny\n", r"asked\.csv:3: expected 2 columns, found 1"),
        ("query,relevant\nx,\n", r"asked\.csv:2: relevant is empty"),
        ("query,relevant\nx,a\nx,a\n", r"asked\.csv:3: 'a' is judged twice for 'x'"),
        ("query,relevant,grade\nx,a,high\n", r"asked\.csv:2: the grade 'high' is not a whole"),
        ("query_id,query,relevant\n1,x,a\n1,y,b\n", r"asked\.csv:3: '1' had another query"),
        ('query,relevant\n"x"y,a\n', r"asked\.csv:2: not CSV"),
    ],
)
def test_faults_in_tables_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset(csv_file(tmp_path, text))


OLD_TOPICS = """<top>
<num> Number: 301
<title> International organized crime

<desc> Description:
Identify organizations.
</top>

<top>
<num> Number: 302
<title>Poliomyelitis & polio
</top>
"""
NEW_TOPICS = """<?xml version='1.0'?>
<topics><topic number="1"><query>coronavirus origin</query><question>what?</question></topic>
<topic number="2"><query>weather</query></topic></topics>
"""


def trec(folder: Path, qrels: str = "301 0 a 1\n302 0 b 2\n", **files: str) -> Path:
    """Write a folder in TREC's layout; `files` are its topics by stem and suffix."""
    folder.mkdir()
    (folder / "qrels.txt").write_text(qrels)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_topics_without_end_tags(tmp_path: Path) -> None:
    dataset = load_dataset(trec(tmp_path / "robust", topics_xml=OLD_TOPICS))
    assert dataset.name == "robust"
    assert dataset.queries == {
        "301": "International organized crime",
        "302": "Poliomyelitis & polio",
    }
    assert dataset.qrels == {"301": {"a": 1}, "302": {"b": 2}}
    assert dataset.documents == ()


def test_topics_with_attributes(tmp_path: Path) -> None:
    folder = trec(tmp_path / "covid", "1 0 a 1\n", topics_xml=NEW_TOPICS)
    assert load_dataset(folder).queries == {"1": "coronavirus origin", "2": "weather"}


def test_topics_in_a_table_beside_documents(tmp_path: Path) -> None:
    corpus = '{"_id": "a", "text": "one"}\n{"_id": "b", "text": "two"}\n'
    folder = trec(tmp_path / "small", topics_tsv="301\tcrime\n302\tpolio\n", corpus_jsonl=corpus)
    dataset = load_dataset(folder)
    assert dataset.queries == {"301": "crime", "302": "polio"}
    assert [document.doc_id for document in dataset.documents] == ["a", "b"]
    (folder / "qrels.txt").write_text("301 0 z 1\n")
    with pytest.raises(DatasetError, match=r"qrels\.txt:1: no document has the id 'z'"):
        load_dataset(folder)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("topics_tsv", "301 crime\n", r"topics\.tsv:1: no tab between id and text"),
        ("topics_tsv", "301\tcrime\n301\tpolio\n", r"tsv:2: the topic '301' is there twice"),
        ("topics_tsv", "301\tcrime\n302\t\n", r"tsv:2: a topic has no text"),
        ("topics_xml", "<top>\n<num> 301\n</top>\n", r"topics\.xml:1: a topic has no text"),
        ("topics_xml", "nothing", r"topics\.xml:1: holds no <top> and no <topic>"),
    ],
)
def test_faults_in_topics_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset(trec(tmp_path / "broken", **{name: text}))


def test_a_collection_in_an_object_store() -> None:
    store = fsspec.filesystem("memory")
    try:
        store.pipe("/bucket/wings/corpus.jsonl", b'{"_id": "a", "text": "one"}\n')
        store.pipe("/bucket/wings/queries.jsonl", b'{"_id": "q", "text": "one?"}\n')
        store.pipe("/bucket/wings/qrels/test.tsv", b"q\ta\t1\n")
        store.pipe("/bucket/asked.csv", b"query,relevant\nx,a\n")
        folder = load_dataset("memory://bucket/wings/")
        assert (folder.name, folder.qrels) == ("wings", {"q": {"a": 1}})
        assert load_dataset("memory://bucket/asked.csv").qrels == {"x": {"a": 1}}
        with pytest.raises(DatasetError, match="memory://bucket/none: there is nothing"):
            load_dataset("memory://bucket/none")
    finally:
        store.rm("/bucket", recursive=True)


def test_an_unknown_scheme_says_what_would_do() -> None:
    with pytest.raises(DatasetError, match=r"give a folder, a file or an s3:// address"):
        load_dataset("ftpx://host/collection")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.jsonl: there is no such file"):
        load_dataset(tmp_path / "none.jsonl")
