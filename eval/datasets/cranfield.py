"""The Cranfield collection as one XML file of documents, one of queries, and TREC judgements.

The judgements number the queries 1, 2, 3 … by their order in the file, not by
their `<num>`, which runs up to 365 with gaps: so that order is the query id here.
Two documents (471 and 995) are empty, and nearly every text repeats its title.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from lxml import etree

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.qrels import TREC, QrelsReader
from eval.errors import DatasetError

DOCUMENTS = "cran.all.1400.xml"
QUERIES = "cran.qry.xml"
QRELS = "cranqrel.trec.txt"


def read_cranfield(folder: Path) -> Dataset:
    """Read the collection in `folder`; `DatasetError` names file and line of a fault."""
    documents = tuple(_documents(folder / DOCUMENTS))
    queries = dict(_queries(folder / QUERIES))
    doc_ids = {document.doc_id for document in documents}
    qrels = QrelsReader(folder / QRELS, queries, doc_ids).read(TREC)
    return Dataset("cranfield", documents, queries, qrels)


def _documents(file: Path) -> Iterator[DatasetDocument]:
    seen: set[str] = set()
    for element in _parse(file).iter("doc"):
        doc_id = _text(element, "docno")
        if not doc_id or doc_id in seen:
            problem = (
                f"the <docno> {doc_id!r} is used twice" if doc_id else "a <doc> has no <docno>"
            )
            raise DatasetError.at(file, _line(element), problem)
        seen.add(doc_id)
        yield DatasetDocument(doc_id, _text(element, "text"), _text(element, "title"))


def _queries(file: Path) -> Iterator[tuple[str, str]]:
    for number, element in enumerate(_parse(file).iter("top"), start=1):
        text = _text(element, "title")
        if not text:
            raise DatasetError.at(file, _line(element), "a <top> has no <title>")
        yield str(number), text


def _parse(file: Path) -> etree._Element:
    # The documents stand side by side without a root element.
    data = file.read_bytes()
    if not data.lstrip().startswith(b"<?xml"):
        data = b"<collection>" + data + b"</collection>"
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DatasetError.at(
            file, error.lineno or 0, f"not well-formed XML: {error.msg}"
        ) from error


def _text(element: etree._Element, tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0
