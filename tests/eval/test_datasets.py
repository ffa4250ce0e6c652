"""Collections as they lie on disk, and what is said about broken ones."""

import json
from pathlib import Path

import pytest

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.load import load_dataset
from eval.errors import DatasetError

CRANFIELD = {
    "cran.all.1400.xml": (
        "<doc>\n<docno>1</docno>\n<title>on\nwings .</title>\n<text>on\nwings . they lift</text>\n"
        "</doc>\n<doc>\n<docno>2</docno>\n<title/>\n<text></text>\n</doc>\n"
    ),
    "cran.qry.xml": (
        "<?xml version='1.0' encoding='utf-8'?>\n<xml>\n<top><num> 1</num><title>\nwhat lifts\n"
        "</title></top>\n<top><num> 7</num><title>what drags</title></top>\n</xml>"
    ),
    "cranqrel.trec.txt": "1 0 1 1\r\n2 0 2  3\r\n2 0 1 0\r\n\r\n",
}
BEIR = {
    "corpus.jsonl": '{"_id": "a", "title": "T", "text": "one"}\n\n{"_id": "b", "text": "two"}\n',
    "queries.jsonl": '{"_id": "q1", "text": "one?"}\n{"_id": "q2", "text": "untested"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tb\t0\n",
}


def write(folder: Path, files: dict[str, str], **changed: str) -> Path:
    """Write `files` into `folder`, with those of `changed` replaced, by stem."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(changed.get(file.stem.split(".")[0], text).encode())
    return folder


def test_cranfield_numbers_queries_by_position(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, CRANFIELD))
    assert dataset.name == "cranfield"
    assert dataset.queries == {"1": "what lifts", "2": "what drags"}
    assert dataset.qrels == {"1": {"1": 1}, "2": {"2": 3, "1": 0}}
    assert dataset.documents == (
        DatasetDocument("1", "on wings . they lift", "on wings ."),
        DatasetDocument("2", "", ""),
    )
    assert [document.passage for document in dataset.documents] == [
        "on wings .\non wings . they lift",
        "",
    ]
    assert not dataset.drop_identical_ids


def test_beir_keeps_the_tested_queries(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "scifact", BEIR))
    assert dataset.name == "scifact"
    assert dataset.queries == {"q1": "one?"}
    assert dataset.qrels == {"q1": {"a": 2, "b": 0}}
    assert dataset.documents == (DatasetDocument("a", "one", "T"), DatasetDocument("b", "two"))
    assert dataset.drop_identical_ids


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cran": "<doc><docno>1</docno>\n<text>a <b> c</text></doc>"}, r"1400\.xml:2: not well"),
        ({"cran": "\n<doc>\n<text>a</text></doc>"}, r"1400\.xml:2: a <doc> has no <docno>"),
        ({"cran": "<doc><docno>1</docno></doc>\n" * 2}, r"1400\.xml:2: .* '1' is used twice"),
        ({"cranqrel": "1 0 1 1\n1 0 1\n"}, r"trec\.txt:2: expected 4 columns, found 3"),
        ({"cranqrel": "1 0 1 yes\n"}, r"trec\.txt:1: the grade 'yes' is not a whole number"),
        ({"cranqrel": "1 0 9 1\n"}, r"trec\.txt:1: no document has the id '9'"),
        ({"cranqrel": "7 0 1 1\n"}, r"trec\.txt:1: no query has the id '7'"),
        ({"cranqrel": "1 0 1 1\n1 0 1 0\n"}, r"trec\.txt:2: document '1' is judged twice"),
    ],
)
def test_cranfield_faults_are_named(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    files = {**CRANFIELD, "cran.qry.xml": CRANFIELD["cran.qry.xml"]}
    write(tmp_path, files)
    for stem, text in changed.items():
        name = {"cran": "cran.all.1400.xml", "cranqrel": "cranqrel.trec.txt"}[stem]
        (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path)


def test_a_query_without_text_is_named(tmp_path: Path) -> None:
    write(tmp_path, CRANFIELD)
    (tmp_path / "cran.qry.xml").write_text("<xml>\n<top><num>1</num></top></xml>")
    with pytest.raises(DatasetError, match=r"qry\.xml:2: a <top> has no <title>"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"corpus": '{"_id": "a", "text": "x"}\n{"_id": "b"'}, r"corpus\.jsonl:2: not JSON"),
        ({"corpus": '{"_id": "a"}'}, r"corpus\.jsonl:1: text: Field required"),
        ({"corpus": "[1]"}, r"corpus\.jsonl:1: record: "),
        ({"queries": '{"_id": "q1", "text": "x"}\n' * 2}, r"queries\.jsonl:2: .*'q1' is used twi"),
        ({"test": "q1\ta\t1\nq1\tb\n"}, r"test\.tsv:2: expected 3 columns, found 2"),
        ({"test": "q1\tz\t1\n"}, r"test\.tsv:1: no document has the id 'z'"),
        ({"test": "q1\ta\t" + "9" * 5000}, r"test\.tsv:1: the grade '9+' is not a whole number"),
        (
            {"corpus": '{"_id": "a", "text": "\\ud800"}'},
            r"corpus\.jsonl:1: cannot be read: .*surrog",
        ),
        ({"corpus": "[" * 100_000}, r"corpus\.jsonl:1: nested too deeply"),
        ({"corpus": '{"_id": ' + "9" * 5000 + "}"}, r"corpus\.jsonl:1: cannot be read: .*digits"),
        (
            {"queries": '{"_id": "q1", "text": "' + "x " * 5000 + '"}'},
            r"the query 'q1': .*8192 char",
        ),
        ({"queries": '{"_id": "q1", "text": " "}'}, r"the query 'q1': .*only white space"),
    ],
)
def test_beir_faults_are_named(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset(write(tmp_path, BEIR, **changed))


def test_other_judgements_of_beir_are_taken_where_they_are_the_only_ones(tmp_path: Path) -> None:
    folder = write(tmp_path, BEIR)
    (folder / "qrels/test.tsv").rename(folder / "qrels/dev.tsv")
    assert load_dataset(folder).qrels == {"q1": {"a": 2, "b": 0}}
    (folder / "qrels/train.tsv").write_text("")
    with pytest.raises(DatasetError, match=r"several judgements .*: dev\.tsv, train\.tsv"):
        load_dataset(folder)


def test_unknown_and_incomplete_folders(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: there is nothing"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is no known dataset; it should hold cran"):
        load_dataset(tmp_path)
    (tmp_path / "corpus.jsonl").touch()
    with pytest.raises(DatasetError, match=r"lacks queries\.jsonl, qrels/\*\.tsv"):
        load_dataset(tmp_path)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    write(tmp_path, BEIR)
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "q1", "text": "\xff"}')
    with pytest.raises(DatasetError, match=r"queries\.jsonl:1: not UTF-8"):
        load_dataset(tmp_path)


def test_only_queries_with_a_relevant_document_are_measured() -> None:
    qrels = {"a": {"1": 1}, "b": {"1": 0}}
    dataset = Dataset("x", (DatasetDocument("1", "t"),), {"a": "?", "b": "?", "c": "?"}, qrels)
    assert dataset.judged_queries == {"a": "?"}


def test_the_hash_sees_every_part_and_no_order_of_judgements() -> None:
    documents = (DatasetDocument("1", "t"),)
    base = Dataset("x", documents, {"a": "?"}, {"a": {"1": 1, "2": 0}})
    same = Dataset("y", documents, {"a": "?"}, {"a": {"2": 0, "1": 1}})
    others = [
        Dataset("x", (DatasetDocument("1", "", "t"),), base.queries, base.qrels),
        Dataset("x", documents, {"a": "!"}, base.qrels),
        Dataset("x", documents, base.queries, {"a": {"1": 2, "2": 0}}),
        Dataset("x", documents, base.queries, base.qrels, drop_identical_ids=True),
    ]
    assert base.content_hash == same.content_hash
    assert len({json.dumps(item.content_hash) for item in [base, *others]}) == 5
