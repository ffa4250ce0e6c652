"""Index versions across backups and restorations never promise what is not there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.corpus.backup import copy_corpus
from retrieval.corpus.numbering import Numbering, index_version, numbering_of
from retrieval.corpus.store import Commit, Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import CorpusError, StaleIndexError
from retrieval.pipeline import Searcher
from retrieval.reembedding import reembed
from tests.embedders import WordEmbedder
from tests.retrieval.asking import ask, ids
from tests.retrieval.building import make_chunk, store

EMBEDDER = WordEmbedder(dimension=4)
# What happens to a corpus: a write, a backup, upkeep, or going back to one of the backups.
EVENTS = st.lists(st.sampled_from(["write", "write", "backup", "optimize", 0, 1, -1]), max_size=12)


@dataclass
class Story:
    """One corpus after the other; each goes on from a backup of an earlier one.

    `told` holds every number that was handed out, with all that was written by then.
    """

    folder: Path
    written: frozenset[str] = frozenset()
    told: list[tuple[int, str]] = field(default_factory=list)
    backups: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    corpora: int = 0

    def __post_init__(self) -> None:
        self.corpus = Corpus.open(self.new_place(), EMBEDDER.identity)

    def new_place(self) -> str:
        self.corpora += 1
        return str(self.folder / str(self.corpora))

    def happen(self, event: str | int) -> None:
        if event == "write":
            name = f"w{len(self.told)}"
            number = store(self.corpus, EMBEDDER, [make_chunk(name, name)]).version
            self.written |= {name}
            self.told.append((number, name))
        elif event == "backup":
            place = self.new_place()
            copy_corpus(self.corpus.uri, place)
            self.backups.append((place, self.written))
        elif event == "optimize":
            self.corpus.optimize()
        elif self.backups:
            assert isinstance(event, int)
            backup, self.written = self.backups[event % len(self.backups)]
            place = self.new_place()
            copy_corpus(backup, place, restoring=True)
            self.corpus = Corpus.open(place, EMBEDDER.identity)

    def check(self) -> None:
        dataset = self.corpus.dataset()
        rows = dataset.to_table(columns=["chunk_id"])["chunk_id"].to_pylist()
        assert set(rows) == self.written
        newest, numbering = self.corpus.version, numbering_of(dataset)
        for number, name in self.told:
            promised = number <= newest and numbering.restored_from(number) is None
            assert promised == (name in self.written), (number, name, newest, numbering)
        numbers = [number for number, _ in self.told]
        assert len(set(numbers)) == len(numbers)
        assert newest < 2**53


@pytest.mark.integration
@given(EVENTS)
@settings(max_examples=10)
def test_a_number_is_good_exactly_while_its_write_is_there(
    tmp_path_factory: pytest.TempPathFactory, events: list[str | int]
) -> None:
    story = Story(tmp_path_factory.mktemp("story"))
    for event in ["write", "write", "backup", "write", *events]:
        story.happen(event)
        story.check()


def test_everything_that_counts_versions_counts_alike(tmp_path: Path, corpus: Corpus) -> None:
    embedder = WordEmbedder()
    store(corpus, embedder, [make_chunk("d-1", "one"), make_chunk("e-1", "two")])
    place = str(tmp_path / "restored")
    copied = copy_corpus(corpus.uri, place, restoring=True)
    assert copied == corpus.version == int(corpus.dataset().version)
    again = Corpus.open(place, corpus.identity)
    follower = DenseFollower(again)
    assert again.version == index_version(again.dataset()) == follower.refresh().version > 10**12
    assert not follower.behind()
    new = [make_chunk("d-2", "three")]
    writes: list[Callable[[], Commit]] = [
        lambda: store(again, embedder, new),
        lambda: store(again, embedder, new),
        lambda: again.delete_document("ns", "e"),
        lambda: again.delete_document("ns", "e"),
    ]
    for write in writes:
        before = again.version
        assert before <= write().version <= again.version == follower.refresh().version
    other = WordEmbedder(model="others")
    made = reembed(place, other.identity, lambda: other, tmp_path / "staged")
    assert corpus.version < 10**12 < made.version <= follower.refresh().version
    follower.close()


@pytest.mark.integration
async def test_a_write_that_the_backup_did_not_hold_is_refused_at_once(
    tmp_path: Path, corpus: Corpus, batching: BatchingEmbedder
) -> None:
    embedder, place = WordEmbedder(), str(tmp_path / "restored")
    kept = store(corpus, embedder, [make_chunk("d-1", "boat")]).version
    copy_corpus(corpus.uri, f"{place} backup")
    lost = store(corpus, embedder, [make_chunk("e-1", "boat too")]).version
    copy_corpus(f"{place} backup", place, restoring=True)
    again = Corpus.open(place, corpus.identity)
    searcher = Searcher(again, batching)
    for _ in range(2):
        seen = await ask(searcher, mode="lexical", min_index_version=kept)
        assert ids(seen) == ["d-1"]
        with pytest.raises(StaleIndexError, match=f"index version {lost} .* will not come back"):
            await ask(searcher, min_index_version=lost, timeout_ms=300_000)
        # By number the table has come as far again; the write is still not there.
        for at in range(2 * lost):
            new = store(again, embedder, [make_chunk("f-1", f"rope {at}")])
    assert set(ids(await ask(searcher, "rope", min_index_version=new.version))) >= {"f-1"}
    searcher.close()


def test_a_damaged_record_is_named(corpus: Corpus) -> None:
    corpus.dataset().update_config({"pmoves:numbering": "{"})
    with pytest.raises(CorpusError, match="damaged numbering"):
        _ = corpus.version


def test_numbers_of_before_and_of_now() -> None:
    numbering = Numbering(offset=1_000, lost=((50, 1_000),))
    assert [numbering.restored_from(number) for number in (50, 51, 1_000, 1_001)] == [
        None,
        50,
        50,
        None,
    ]
    assert Numbering().restored_from(7) is None
