"""What hits show of a row is the same from one column as from all."""

import pytest

from retrieval.chunk import Chunk, Locator
from retrieval.corpus.records import HIT_COLUMNS, read_hit_rows
from retrieval.corpus.schema import RECORD
from retrieval.corpus.store import Corpus
from tests.embedders import WordEmbedder
from tests.retrieval.building import store

EMBEDDER = WordEmbedder(4)
CHUNKS = [
    Chunk("ns", "plain", "c-1", "no locator at all"),
    Chunk(
        *("ns", "whole", "c-2", "Zoë said “tea”\n\x0b"),
        position=3,
        context="Heading › Sub",
        section_id="s'1",
        source="file:///a b.pdf",
        title='Ünïcode "quoted"',
        media_type="application/pdf",
        locator=Locator(page=3, slide=1, sheet="S", heading="H", t_start=0.25, t_end=1e9),
        metadata={"record": "not this one", "list": [1, None, {"deep": True}]},
    ),
]


@pytest.fixture
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus.open(str(tmp_path_factory.mktemp("records") / "corpus"), EMBEDDER.identity)
    store(corpus, EMBEDDER, CHUNKS)
    return corpus


def test_a_record_holds_what_the_columns_do(corpus: Corpus) -> None:
    dataset = corpus.dataset()
    addresses = [1, 0]
    columns = dataset._take_rows(addresses, columns=list(HIT_COLUMNS)).to_pylist()
    found = read_hit_rows(dataset, addresses)
    assert found == columns
    assert [row["doc_id"] for row in found] == ["whole", "plain"]


def test_rows_of_older_code_are_read_from_their_columns(corpus: Corpus) -> None:
    before = read_hit_rows(corpus.dataset(), [0, 1])
    corpus.dataset().update({RECORD: "NULL"}, where="chunk_id = 'c-1'")
    (address,) = (
        corpus.dataset()
        .scanner(columns=[], filter="chunk_id = 'c-1'", with_row_address=True)
        .to_table()["_rowaddr"]
        .to_pylist()
    )
    assert read_hit_rows(corpus.dataset(), [address, 1]) == before
    corpus.dataset().drop_columns([RECORD])
    assert read_hit_rows(corpus.dataset(), [address, 1]) == before
