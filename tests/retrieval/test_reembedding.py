"""Changing the embedding model of a corpus that is read and written meanwhile."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from retrieval import reembedding
from retrieval.chunk import Chunk
from retrieval.corpus.locking import sole_run
from retrieval.corpus.meta import read_identity
from retrieval.corpus.schema import chunks_schema, row_to_chunk
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import open_table
from retrieval.corpus.vector_column import VECTOR, vector_field
from retrieval.dense.follower import DenseFollower
from retrieval.embedding.base import Embedder
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import CorpusError, EmbeddingIdentityError, InvalidInputError
from retrieval.lexical.fulltext import search_text
from retrieval.pipeline import Searcher
from retrieval.reembedding import Progress, Reembedded, reembed
from tests.embedders import WordEmbedder
from tests.retrieval.asking import PASSAGES, ask, ids
from tests.retrieval.building import Interrupted, make_chunk, store

OTHERS = WordEmbedder(dimension=12, model="others")
Stored = dict[str, tuple[Chunk, list[float]]]


def run(corpus: Corpus, embedder: WordEmbedder, **hooks: Callable[[Progress], None]) -> Reembedded:
    return again(corpus, embedder, lambda: embedder, **hooks)


def again(
    corpus: Corpus,
    embedder: WordEmbedder,
    load: Callable[[], Embedder],
    **hooks: Callable[[Progress], None],
) -> Reembedded:
    """Run with another way of loading the embedder."""
    return reembed(corpus.uri, embedder.identity, load, staging(corpus), **hooks)


def staging(corpus: Corpus) -> Path:
    return Path(f"{corpus.uri.removeprefix('file://')} staged")


def check(corpus: Corpus, embedder: WordEmbedder, *chunks: Chunk) -> None:
    """Check that the corpus holds exactly `chunks`, with vectors of `embedder`."""
    dataset = corpus.dataset()
    assert dataset.schema.names == chunks_schema(embedder.identity.dimension).names
    rows = dataset.to_table().to_pylist()
    found = [row_to_chunk(row) for row in rows]
    assert sorted(map(str, found)) == sorted(map(str, chunks))
    if rows:
        wanted = embedder.embed_passages([chunk.indexed_text for chunk in found])
        assert np.array_equal(np.array([row[VECTOR] for row in rows], np.float32), wanted)
    assert read_identity(corpus.uri) == embedder.identity
    assert Corpus.open(corpus.uri, embedder.identity).identity == embedder.identity
    assert not staging(corpus).exists()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Store the new vectors three by three, and switch when none is missing."""
    monkeypatch.setattr(reembedding, "_BATCH", 3)
    monkeypatch.setattr(reembedding, "_FEW_PASSAGES", 0)
    return 3


async def test_a_model_of_another_dimension_answers_afterwards(
    library: Corpus, searcher: Searcher
) -> None:
    before = await ask(searcher, "boat with a sail", mode="dense")
    told: list[Progress] = []
    made = run(library, OTHERS, on_progress=told.append)
    assert (made.before.model, made.after.model) == ("words", "others")
    assert made.embedded == len(PASSAGES)
    assert made.version > before.index_version
    assert told[0] == Progress("embedding", 0, 7)
    assert told[-1] == Progress("switching over", 7, 7)
    check(library, OTHERS, *PASSAGES)
    corpus, batching = Corpus.open_existing(library.uri), BatchingEmbedder(OTHERS)
    other = Searcher(corpus, batching, searcher.settings)
    after = await ask(other, "boat with a sail", mode="dense")
    assert ids(after)[0] == ids(before)[0] == "sail-1"
    hybrid = await ask(other, "boat", explain=True)
    assert not hybrid.degraded
    assert set(ids(hybrid)[:2]) == {"sail-1", "rope-1"}
    other.close()
    batching.close()


def test_the_text_index_and_the_versions_before_stay_as_they_are(library: Corpus) -> None:
    old = library.dataset()
    found, scores = search_text(old, "boat storm", ("ns",), 10)
    run(library, OTHERS)
    same, equal = search_text(library.dataset(), "boat storm", ("ns",), 10)
    assert (same.tolist(), equal.tolist()) == (found.tolist(), scores.tolist())
    assert old.to_table(columns=[VECTOR]).schema.field(VECTOR).type.list_size == 32
    names = {index.name for index in library.dataset().describe_indices()}
    assert names == {f"{name}_idx" for name in ("chunk_id", "doc_id", "namespace", "indexed_text")}


@pytest.mark.parametrize(
    "embedder",
    [
        WordEmbedder(passage_prefix="passage \"of\"\n'it': "),
        WordEmbedder(max_tokens=2),
        WordEmbedder(model="others"),
    ],
)
def test_whatever_changes_passages_embeds_them_again(
    library: Corpus, embedder: WordEmbedder
) -> None:
    assert run(library, embedder).embedded == len(PASSAGES)
    check(library, embedder, *PASSAGES)


def test_and_back_again(library: Corpus, word_embedder: WordEmbedder) -> None:
    for embedder in (OTHERS, word_embedder, OTHERS):
        assert run(library, embedder).embedded == len(PASSAGES)
        check(library, embedder, *PASSAGES)


def test_another_prefix_of_questions_costs_no_embedding(library: Corpus) -> None:
    questions = WordEmbedder(query_prefix="question's: ")

    def load() -> WordEmbedder:
        raise AssertionError("the model is not needed")

    follower = DenseFollower(library)
    before = follower.refresh()
    made = again(library, questions, load)
    assert made.embedded == 0
    check(library, questions, *PASSAGES)
    after = follower.refresh()
    assert (after.version, after.identity) == (made.version, questions.identity)
    assert after.namespaces == before.namespaces
    follower.close()


def test_the_same_model_changes_nothing(library: Corpus, word_embedder: WordEmbedder) -> None:
    version = library.version
    assert run(library, word_embedder).version == version
    assert library.version == version


def test_an_empty_corpus_takes_the_new_model(corpus: Corpus) -> None:
    assert run(corpus, OTHERS).embedded == 0
    check(corpus, OTHERS)
    opened = Corpus.open(corpus.uri, OTHERS.identity)
    store(opened, OTHERS, PASSAGES)
    check(opened, OTHERS, *PASSAGES)


def test_without_a_corpus_there_is_nothing_to_change(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="there is no corpus"):
        reembed(f"{corpus.uri} elsewhere", OTHERS.identity, lambda: OTHERS, staging(corpus))


@pytest.mark.usefixtures("small_batches")
def test_writes_on_the_way_are_part_of_it(library: Corpus, word_embedder: WordEmbedder) -> None:
    changed, new = make_chunk("rope-1", "Another rope"), make_chunk("new-1", "Brand new")
    kept = [chunk for chunk in PASSAGES if chunk.doc_id not in ("rope", "sail")]
    model = Interrupted(
        OTHERS,
        [
            lambda: library.delete_document("ns", "sail"),
            lambda: store(library, word_embedder, [changed], replace=True),
            library.optimize,
            lambda: store(library, word_embedder, [new]),
        ],
    )
    version = library.version
    made = again(library, OTHERS, lambda: model)
    assert made.version > version + 3
    check(library, OTHERS, *kept, changed, new)
    assert len(model.embedded) == len(set(model.embedded)) == made.embedded == 9


def test_what_comes_last_is_embedded_while_writers_wait(
    library: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "_ROUNDS", 0)
    assert run(library, OTHERS).embedded == len(PASSAGES)
    check(library, OTHERS, *PASSAGES)


@pytest.mark.usefixtures("small_batches")
def test_a_run_that_was_ended_goes_on(library: Corpus, word_embedder: WordEmbedder) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    first = Interrupted(OTHERS, [lambda: None, lambda: None, fail])
    with pytest.raises(KeyboardInterrupt):
        again(library, OTHERS, lambda: first)
    check_untouched = Corpus.open(library.uri, word_embedder.identity)
    assert check_untouched.dataset().schema.names[-1] == VECTOR
    # The batch that it was about to store is lost with its process.
    with (staging(library) / "vectors").open("ab") as file:
        file.write(b"half a row")
    second = Interrupted(OTHERS)
    assert again(library, OTHERS, lambda: second).embedded == 1
    assert sorted(first.embedded + second.embedded) == sorted(c.indexed_text for c in PASSAGES)
    check(library, OTHERS, *PASSAGES)


@pytest.mark.usefixtures("small_batches")
def test_what_a_run_for_another_model_left_is_not_used(
    library: Corpus, word_embedder: WordEmbedder
) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(library, OTHERS, lambda: Interrupted(OTHERS, [lambda: None, fail]))
    third = WordEmbedder(dimension=12, model="third")
    assert run(library, third).embedded == len(PASSAGES)
    check(library, third, *PASSAGES)
    run(library, word_embedder)
    check(library, word_embedder, *PASSAGES)


def test_of_two_runs_one_is_refused(library: Corpus, word_embedder: WordEmbedder) -> None:
    with (
        sole_run(library.chunks_uri, "reembed"),
        pytest.raises(CorpusError, match=r"another `pmoves reembed` works on .* already"),
    ):
        run(library, OTHERS)
    check(library, word_embedder, *PASSAGES)


def test_a_model_that_is_not_the_one_planned_is_refused(
    library: Corpus, word_embedder: WordEmbedder
) -> None:
    with pytest.raises(EmbeddingIdentityError, match=r"'others'.*'third'"):
        again(library, OTHERS, lambda: WordEmbedder(12, model="third"))
    check_identity = read_identity(library.uri)
    assert check_identity == word_embedder.identity


def test_vectors_that_are_no_numbers_are_refused(library: Corpus) -> None:
    model = Interrupted(OTHERS)
    model.embed_passages = lambda texts: np.full((len(texts), 12), np.nan, np.float32)  # type: ignore[method-assign]
    with pytest.raises(InvalidInputError, match="NaN"):
        again(library, OTHERS, lambda: model)


def test_who_opened_the_corpus_before_no_longer_writes_vectors(
    library: Corpus, word_embedder: WordEmbedder
) -> None:
    run(library, OTHERS)
    both = r"was built with 'others', but 'words' was given"
    with pytest.raises(EmbeddingIdentityError, match=both):
        store(library, word_embedder, [make_chunk("new-1", "new")])
    with pytest.raises(EmbeddingIdentityError, match=both):
        library.reusable_vectors(PASSAGES)
    with pytest.raises(EmbeddingIdentityError, match=both):
        Corpus.open(library.uri, word_embedder.identity)
    assert library.delete_document("ns", "sail").deleted == 2
    assert library.optimize()
    check(library, OTHERS, *(chunk for chunk in PASSAGES if chunk.doc_id != "sail"))


async def test_a_searcher_with_the_old_model_goes_on_by_words(
    library: Corpus, searcher: Searcher
) -> None:
    assert not (await ask(searcher, "boat")).degraded
    version = run(library, OTHERS).version
    answer = await ask(searcher, "boat", min_index_version=version)
    assert set(ids(answer)) == {"sail-1", "rope-1"}
    (part,) = answer.degraded
    assert part.stage == "dense"
    assert "'others'" in part.reason
    assert "'words'" in part.reason
    assert "restart" in part.reason
    with pytest.raises(EmbeddingIdentityError, match=r"'others'.*'words'"):
        await ask(searcher, "boat", mode="dense")
    assert not (await ask(searcher, "boat", mode="lexical")).degraded


async def test_a_follower_takes_the_new_vectors_up_without_a_restart(
    library: Corpus, batching: BatchingEmbedder, word_embedder: WordEmbedder
) -> None:
    """Whoever has the new model at hand goes on with the same index."""
    searcher = Searcher(library, batching)
    await searcher.refresh()
    run(library, OTHERS)
    await ask(searcher, "boat", mode="lexical", min_index_version=library.version)
    assert searcher.identity == OTHERS.identity
    run(library, word_embedder)
    back = await ask(searcher, "boat with a sail", mode="dense", min_index_version=library.version)
    assert ids(back)[0] == "sail-1"
    searcher.close()


def test_a_run_killed_after_the_switch_is_finished_by_the_next_who_opens(
    library: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = DenseFollower(library)
    follower.refresh()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reembedding, "drop_superseded", die)
        with pytest.raises(KeyboardInterrupt):
            run(library, OTHERS)
    dataset = library.dataset()
    assert [name for name in dataset.schema.names if name.startswith(VECTOR)] != [VECTOR]
    assert vector_field(dataset.schema).type.list_size == 12
    snapshot = follower.refresh()
    query = OTHERS.embed_queries(["The song was recorded in one take"])[0]
    addresses, _ = snapshot.search(query, ["ns"], 1)
    row = dataset._take_rows(addresses.tolist(), columns=["chunk_id"]).to_pylist()
    assert row == [{"chunk_id": "song-1"}]
    with pytest.raises(EmbeddingIdentityError):
        store(library, word_embedder, [make_chunk("new-1", "new")])
    opened = Corpus.open(library.uri, OTHERS.identity)
    assert open_table(opened.chunks_uri).schema.names[-1] == VECTOR
    assert run(opened, OTHERS).embedded == 0
    check(opened, OTHERS, *PASSAGES)
    follower.close()


def test_old_vectors_serve_until_the_switch(library: Corpus, word_embedder: WordEmbedder) -> None:
    seen: list[tuple[str, int]] = []
    follower = DenseFollower(library)

    def look(progress: Progress) -> None:
        snapshot = follower.refresh()
        query = word_embedder.embed_queries(["boat"])[0]
        seen.append((snapshot.identity.model, len(snapshot.search(query, ["ns"], 9)[0])))

    run(library, OTHERS, on_progress=look)
    assert set(seen) == {("words", 5)}
    assert follower.refresh().identity == OTHERS.identity
    follower.close()


@pytest.mark.usefixtures("small_batches")
def test_the_vectors_of_equal_content_are_made_once(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    """Staged vectors are known by content, whatever moves the rows."""
    chunks = [make_chunk(f"d{at % 3}-{at}", f"passage {at}") for at in range(40)]
    for start in range(0, 40, 5):
        store(corpus, word_embedder, chunks[start : start + 5])
    model = Interrupted(OTHERS, [corpus.optimize, partial(corpus.delete_document, "ns", "d1")])
    again(corpus, OTHERS, lambda: model)
    check(corpus, OTHERS, *(chunk for chunk in chunks if chunk.doc_id != "d1"))
    assert len(model.embedded) == 40
