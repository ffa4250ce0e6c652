"""Collections in TREC's layout: topics and qrels, and documents where they are at hand.

Topics are `topics.tsv` (id, tab, text) or `topics.xml`, with `<num>` and `<title>`
in each `<top>`, the end tags of both as old files leave them out; or with `<topic
number="…"><query>` as newer ones have them. Judgements are `qrels.txt`. Documents,
if there are any, are `corpus.jsonl` as BEIR has them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from lxml import etree

from eval.datasets import beir
from eval.datasets.base import Dataset
from eval.datasets.qrels import TREC, QrelsReader
from eval.errors import DatasetError

TOPICS_TABLE = "topics.tsv"
TOPICS_XML = "topics.xml"
QRELS = "qrels.txt"
_NUMBER = re.compile(r"^\s*(?:Number\s*:)?\s*(\S+)")
_TITLE = re.compile(r"^\s*(?:Topic\s*:)?\s*")


def read_trec(folder: Path) -> Dataset:
    """Read the collection in `folder`; `DatasetError` names file and line of a fault.

    Judgements of documents that `corpus.jsonl` does not hold, and of queries without
    a topic, are refused; without that file any document id may be judged.
    """
    table = folder / TOPICS_TABLE
    topics = read_topics_table(table) if table.is_file() else read_topics(folder / TOPICS_XML)
    corpus = folder / beir.DOCUMENTS
    documents = beir.read_corpus(corpus) if corpus.is_file() else ()
    known = {document.doc_id for document in documents} or None
    qrels = QrelsReader(folder / QRELS, topics, known).read(TREC)
    return Dataset(folder.resolve().name, documents, topics, qrels)


def read_topics_table(file: Path) -> dict[str, str]:
    """Read topics of the form `id<TAB>text`, one a line."""
    topics: dict[str, str] = {}
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                topic, tab, text = line.strip("\r\n").partition("\t")
                if not tab:
                    raise DatasetError.at(file, number, "no tab between id and text")
                _add(topics, topic.strip(), " ".join(text.split()), file, number)
    return topics


def read_topics(file: Path) -> dict[str, str]:
    """Read topics in TREC's tags, with their end tags or without."""
    topics: dict[str, str] = {}
    for number, topic, text in _topics(file):
        _add(topics, topic, text, file, number)
    if not topics:
        raise DatasetError.at(file, 1, "holds no <top> and no <topic>")
    return topics


def _topics(file: Path) -> Iterator[tuple[int, str, str]]:
    # The tags are those of SGML: what libxml2 reads as HTML, it closes by itself.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)
    root = etree.fromstring(b"<body>" + _renamed(file.read_bytes()) + b"</body>", parser)
    for element in root.iter("top", "topic"):
        number = element.get("number") or _NUMBER.sub(r"\1", _own_text(element, "num"))
        text = _own_text(element, "query") or _own_text(element, "topictitle")
        yield (
            cast("int | None", element.sourceline) or 0,
            " ".join(number.split()),
            _TITLE.sub("", text),
        )


def _renamed(data: bytes) -> bytes:
    """Return `data` with `<title>` renamed, which HTML would move into a head."""
    return re.sub(rb"(?i)<(/?)title\s*>", rb"<\1topictitle>", data)


def _own_text(element: "etree._Element", tag: str) -> str:
    """Return the text of the first `tag` up to the next tag inside it."""
    found = next(element.iter(tag), None)
    return "" if found is None else " ".join((found.text or "").split())


def _add(topics: dict[str, str], topic: str, text: str, file: Path, number: int) -> None:
    if not topic or not text:
        raise DatasetError.at(file, number, "a topic has no " + ("text" if topic else "number"))
    if topic in topics:
        raise DatasetError.at(file, number, f"the topic {topic!r} is there twice")
    topics[topic] = text
