"""Chunks without a model: text and vectors about the same topics, in several namespaces.

Topics are of unequal size and lie in groups, as those of real libraries do. A
passage's words tell its topic, and its vector lies near that of the topic; a
question is about one topic. Everything follows from seeds.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.errors import EvaluationError
from retrieval.chunk import Chunk, Vectors
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import chunk_id

DIMENSION = 384
IDENTITY = EmbeddingIdentity(model="synthetic", revision="1", dimension=DIMENSION, max_tokens=256)
# Of very different sizes: the first holds more than the others together.
NAMESPACES = {"library": 0.6, "notes": 0.25, "mail": 0.1, "talks": 0.04, "drafts": 0.01}
SMALLEST = "drafts"
# Each document stands on one of so many shelves, for filters.
SHELVES = 100
CHUNKS_PER_DOCUMENT = 10
_GROUPS, _TOPICS, _WORDS_PER_TOPIC = 40, 400, 30
# The commonest words of a language are stop words, which no index holds.
_FIRST_COMMON, _LAST_COMMON = 100, 20_000
_TOPIC_SPREAD, _PASSAGE_SPREAD, _QUESTION_SPREAD = 0.8, 0.8, 0.6
_TOPIC_WORDS = np.array(
    [[f"t{topic}w{word}" for word in range(_WORDS_PER_TOPIC)] for topic in range(_TOPICS)], object
)
_COMMON_WORDS = np.array([f"c{rank}" for rank in range(_LAST_COMMON)], object)
Topics = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole documents with the vectors of their chunks, shape (len(chunks), dimension)."""

    chunks: list[Chunk]
    vectors: Vectors

    @property
    def documents(self) -> set[tuple[str, str]]:
        """The keys of the documents."""
        return {(chunk.namespace, chunk.doc_id) for chunk in self.chunks}


class Material:
    """Draws documents and questions."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        groups = random.standard_normal((_GROUPS, DIMENSION))
        spread = _TOPIC_SPREAD * random.standard_normal((_TOPICS, DIMENSION))
        self._topics = _unit(groups[random.integers(_GROUPS, size=_TOPICS)] + spread)
        shares = np.arange(1, _TOPICS + 1) ** -0.7
        self._shares = shares / shares.sum()

    def batches(self, chunks: int, size: int, seed: int, skip: int = 0) -> Iterator[Batch]:
        """Yield `chunks` chunks, `size` at a time, without the first `skip` batches.

        Other seeds give other documents.
        """
        for number, start in enumerate(range(0, chunks, size)):
            if number >= skip:
                yield self._batch(min(size, chunks - start), f"{seed}-{number}")

    def vectors(self, count: int, seed: int) -> Vectors:
        """Return the vectors of `count` passages, each about a topic of its own."""
        random = np.random.default_rng([seed, 3])
        return self._near(random, self._draw(random, count), _PASSAGE_SPREAD)

    def questions(self, count: int, seed: int) -> list[str]:
        """Return `count` different questions."""
        random = np.random.default_rng([seed, 2])
        topics = self._draw(random, count)
        words = np.hstack([_topic_words(random, topics, 3), _common_words(random, count, 2)])
        return [" ".join([*row, f"q{seed}x{at}"]) for at, row in enumerate(words)]

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions that were drawn here."""
        random = np.random.default_rng([zlib.crc32(text.encode()) for text in texts])
        topics = [int(text.split()[0].split("w")[0][1:]) for text in texts]
        return self._near(random, np.array(topics), _QUESTION_SPREAD)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Raise: passages come with their vectors."""
        raise EvaluationError("passages of the benchmark bring their vectors along")

    def _batch(self, count: int, name: str) -> Batch:
        random = np.random.default_rng(zlib.crc32(name.encode()))
        documents = -(-count // CHUNKS_PER_DOCUMENT)
        topics = self._draw(random, documents)
        namespaces = random.choice(list(NAMESPACES), documents, p=list(NAMESPACES.values()))
        shelves = random.integers(SHELVES, size=documents)
        about = np.repeat(topics, CHUNKS_PER_DOCUMENT)[:count]
        words = np.hstack([_topic_words(random, about, 10), _common_words(random, count, 30)])
        chunks = []
        for at, row in enumerate(words):
            number, position = divmod(at, CHUNKS_PER_DOCUMENT)
            namespace, document = str(namespaces[number]), f"{name}-{number}"
            text = " ".join(row)
            key = chunk_id(namespace, document, position, text)
            shelf = {"shelf": shelf_name(int(shelves[number]))}
            chunks.append(Chunk(namespace, document, key, text, position, metadata=shelf))
        return Batch(chunks, self._near(random, about, _PASSAGE_SPREAD))

    def _draw(self, random: np.random.Generator, count: int) -> Topics:
        topics: Topics = random.choice(_TOPICS, count, p=self._shares)
        return topics

    def _near(self, random: np.random.Generator, topics: Topics, spread: float) -> Vectors:
        noise = random.standard_normal((len(topics), DIMENSION), np.float32)
        noise *= np.float32(spread / DIMENSION**0.5)
        noise += self._topics[topics]
        return _unit(noise)


def shelf_name(number: int) -> str:
    """Return the name of a shelf, as documents carry it in `metadata.shelf`."""
    return f"s{number}"


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def _topic_words(random: np.random.Generator, topics: Topics, count: int) -> NDArray[np.object_]:
    chosen = random.integers(_WORDS_PER_TOPIC, size=(len(topics), count))
    words: NDArray[np.object_] = _TOPIC_WORDS[topics[:, None], chosen]
    return words


def _common_words(random: np.random.Generator, rows: int, count: int) -> NDArray[np.object_]:
    # Zipf: few words are frequent and most are rare, as in every language.
    ratio = _LAST_COMMON / _FIRST_COMMON
    ranks = _FIRST_COMMON * ratio ** random.random((rows, count))
    words: NDArray[np.object_] = _COMMON_WORDS[ranks.astype(np.int64)]
    return words
