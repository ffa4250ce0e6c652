"""What every embedder must do."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunk import Vectors
from retrieval.embedding.base import Embedder
from retrieval.embedding.ctranslate import TOKENS_AT_ONCE, CTranslateEmbedder
from retrieval.embedding.opening import load_embedder
from retrieval.embedding.remote import HttpEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.settings import EmbeddingSettings
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer
from tests.retrieval.strategies import texts

TEXTS = [
    "A boat, a rope and a lamp",
    "The studio records its podcast on Tuesdays",
    "",
    "word " * 600,
    "Ü\u00a0é 😀 \x00 \u202e 漢字",
    "x" * 5_000,
]


# Importing PyTorch and sentence-transformers takes many seconds.
TORCH = pytest.param("torch", marks=[pytest.mark.integration, pytest.mark.xdist_group("torch")])


@pytest.fixture(scope="module", params=["packaged", TORCH, "words", "http"])
def embedder(
    request: pytest.FixtureRequest,
    packaged_embedder: CTranslateEmbedder,
    word_embedder: WordEmbedder,
) -> Iterator[Embedder]:
    """Each implementation in turn."""
    if request.param == "http":
        server = OpenAiServer(embed=word_embedder.embed_passages)
        settings = EmbeddingSettings(provider="openai", model="words", max_tokens=256)
        with HttpEmbedder(settings, server.transport()) as remote:
            yield remote
    elif request.param == "torch":
        yield SentenceTransformerEmbedder(EmbeddingSettings())
    else:
        yield packaged_embedder if request.param == "packaged" else word_embedder


def assert_same(one: Vectors, other: Vectors) -> None:
    """Fail unless the rows point the same way; bfloat16 rounds differently per batch."""
    np.testing.assert_allclose(np.sum(one * other, axis=1), 1.0, atol=2e-3)


def test_vectors_have_the_shape_and_type_that_the_identity_says(embedder: Embedder) -> None:
    for embed in (embedder.embed_queries, embedder.embed_passages):
        vectors = embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.identity.dimension)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()


def test_vectors_have_unit_length(embedder: Embedder) -> None:
    assert embedder.identity.normalized
    lengths = np.linalg.norm(embedder.embed_passages(TEXTS), axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-5)


def test_nothing_to_embed_is_an_empty_matrix(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.identity.dimension)
    assert embedder.embed_queries([]).shape == (0, embedder.identity.dimension)


def test_the_order_of_the_texts_is_kept(embedder: Embedder) -> None:
    forwards = embedder.embed_passages(TEXTS)
    backwards = embedder.embed_passages(TEXTS[::-1])[::-1]
    assert_same(forwards, backwards)


def test_company_in_the_batch_does_not_matter(embedder: Embedder) -> None:
    together = embedder.embed_passages(TEXTS)
    alone = np.concatenate([embedder.embed_passages([text]) for text in TEXTS])
    assert_same(together, alone)


def test_what_is_longer_than_the_model_reads_is_cut(embedder: Embedder) -> None:
    long = "boat " * embedder.identity.max_tokens
    one, other = embedder.embed_passages([long + "zebra", long + "lamp"])
    assert float(one @ other) == pytest.approx(1.0, abs=2e-3)


def test_texts_that_share_words_are_nearer(embedder: Embedder) -> None:
    (query,) = embedder.embed_queries(["the podcast of the studio"])
    boat, podcast = embedder.embed_passages(TEXTS[:2])
    assert float(query @ podcast) > float(query @ boat) + 0.1


@given(st.lists(texts, max_size=4))
@settings(max_examples=15)
def test_any_text_can_be_embedded(embedder: Embedder, given_texts: list[str]) -> None:
    vectors = embedder.embed_passages(given_texts)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.integration
@pytest.mark.xdist_group("torch")
def test_int8_is_near_to_what_pytorch_computes(packaged_embedder: CTranslateEmbedder) -> None:
    exact = SentenceTransformerEmbedder(EmbeddingSettings(dtype="float32"))
    likeness = np.sum(exact.embed_passages(TEXTS) * packaged_embedder.embed_passages(TEXTS), axis=1)
    # What people write is nearer than odd characters, most of all where a CPU lacks VNNI.
    assert likeness[:2].min() > 0.995
    assert likeness.min() > 0.96
    assert exact.count_tokens(TEXTS) == packaged_embedder.count_tokens(TEXTS)


@pytest.mark.parametrize(
    ("dtype", "gpu", "chosen"),
    [
        ("auto", False, "CTranslateEmbedder"),
        ("auto", True, "SentenceTransformerEmbedder"),
        ("int8", True, "CTranslateEmbedder"),
        ("float32", False, "SentenceTransformerEmbedder"),
        ("bfloat16", False, "SentenceTransformerEmbedder"),
    ],
)
def test_number_format_and_machine_decide_who_computes(
    dtype: str, gpu: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CTranslateEmbedder", "SentenceTransformerEmbedder"):
        made = partial(lambda name, _settings: name, name)
        monkeypatch.setattr(f"retrieval.embedding.opening.{name}", made)
    monkeypatch.setattr("retrieval.embedding.opening._has_gpu", lambda: gpu)
    found: object = load_embedder(EmbeddingSettings.model_validate({"dtype": dtype}))
    assert found == chosen


def test_meaning_without_shared_words(packaged_embedder: CTranslateEmbedder) -> None:
    (query,) = packaged_embedder.embed_queries(["How do I repair an automobile?"])
    car, soup = packaged_embedder.embed_passages(["Fixing your car at home", "Soup with leek"])
    assert float(query @ car) > float(query @ soup) + 0.3


def test_dimensions_cut_the_vectors(packaged_embedder: CTranslateEmbedder) -> None:
    whole = packaged_embedder.embed_queries(["boat"])[:, :64]
    short = packaged_embedder.identity.model_copy(update={"dimension": 64})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packaged_embedder, "_identity", short)
        found = packaged_embedder.embed_queries(["boat"])
    assert_same(found, (whole / np.linalg.norm(whole)).astype(np.float32))


def test_int8_takes_no_more_at_once_than_its_caches_hold(
    packaged_embedder: CTranslateEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[int]] = []
    encode = packaged_embedder._encode

    def noted(tokens: list[list[int]]) -> Vectors:
        batches.append([len(ids) for ids in tokens])
        return encode(tokens)

    monkeypatch.setattr(packaged_embedder, "_encode", noted)
    monkeypatch.setattr(packaged_embedder, "_threads", 2)
    packaged_embedder.embed_passages(["boat " * 100] * 25)
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert all(max(batch) * len(batch) <= 2 * TOKENS_AT_ONCE for batch in batches)


def test_small_batches_give_the_same_vectors(
    packaged_embedder: CTranslateEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = packaged_embedder.embed_passages(TEXTS)
    settings = EmbeddingSettings(batch_tokens=256)
    monkeypatch.setattr(packaged_embedder, "_settings", settings)
    found = packaged_embedder.embed_passages(TEXTS)
    assert_same(found, expected)


def test_prefixes_are_put_in_front(
    packaged_embedder: CTranslateEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = packaged_embedder.embed_passages(["query: boat", "passage: boat"])
    changes = {"query_prefix": "query: ", "passage_prefix": "passage: "}
    prefixed = packaged_embedder.identity.model_copy(update=changes)
    monkeypatch.setattr(packaged_embedder, "_identity", prefixed)
    found = np.concatenate(
        [packaged_embedder.embed_queries(["boat"]), packaged_embedder.embed_passages(["boat"])]
    )
    assert_same(found, plain)


def test_tokens_are_counted_uncut(packaged_embedder: CTranslateEmbedder) -> None:
    assert packaged_embedder.count_tokens(["", "boat", "boat " * 600]) == [2, 3, 602]
