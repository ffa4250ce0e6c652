"""Chunks without a model: text and vectors about the same topics, in several namespaces.

Topics are of unequal size and lie in groups, as those of real libraries do. A
passage's words tell its topic, and its vector lies near that of the topic; a
question is about one topic. Everything follows from seeds.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.errors import EvaluationError
from retrieval.chunk import Chunk, Vectors
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import chunk_id

DIMENSION = 384
IDENTITY = EmbeddingIdentity(model="synthetic", revision="1", dimension=DIMENSION, max_tokens=256)
# The first holds as much as the others together.
NAMESPACES = {"library": 0.5, "notes": 0.25, "mail": 0.15, "talks": 0.1}
CHUNKS_PER_DOCUMENT = 10
_GROUPS, _TOPICS, _WORDS_PER_TOPIC, _COMMON_WORDS = 40, 400, 30, 20_000
_TOPIC_SPREAD, _PASSAGE_SPREAD, _QUESTION_SPREAD = 0.8, 0.8, 0.6


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole documents with the vectors of their chunks, shape (len(chunks), dimension)."""

    chunks: list[Chunk]
    vectors: Vectors

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len({(chunk.namespace, chunk.doc_id) for chunk in self.chunks})


class Material:
    """Draws documents and questions."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        groups = random.standard_normal((_GROUPS, DIMENSION))
        spread = _TOPIC_SPREAD * random.standard_normal((_TOPICS, DIMENSION))
        self._topics = _unit(groups[random.integers(_GROUPS, size=_TOPICS)] + spread)
        shares = np.arange(1, _TOPICS + 1) ** -0.7
        self._shares = shares / shares.sum()

    def batches(self, chunks: int, size: int, seed: int) -> Iterator[Batch]:
        """Yield `chunks` chunks, `size` at a time; other seeds give other documents."""
        for number, start in enumerate(range(0, chunks, size)):
            yield self._batch(min(size, chunks - start), f"{seed}-{number}")

    def questions(self, count: int, seed: int) -> list[str]:
        """Return `count` different questions."""
        random = np.random.default_rng([seed, 2])
        topics = random.choice(_TOPICS, count, p=self._shares)
        return [
            " ".join([*_topic_words(random, topic, 3), *_common_words(random, 2), f"q{seed}x{at}"])
            for at, topic in enumerate(topics)
        ]

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
        topics = random.choice(_TOPICS, documents, p=self._shares)
        namespaces = random.choice(list(NAMESPACES), documents, p=list(NAMESPACES.values()))
        about = np.repeat(topics, CHUNKS_PER_DOCUMENT)[:count]
        chunks = []
        for at in range(count):
            number, position = divmod(at, CHUNKS_PER_DOCUMENT)
            namespace, document = str(namespaces[number]), f"{name}-{number}"
            words = [*_topic_words(random, about[at], 10), *_common_words(random, 30)]
            text = " ".join(words)
            key = chunk_id(namespace, document, position, text)
            chunks.append(Chunk(namespace, document, key, text, position))
        return Batch(chunks, self._near(random, about, _PASSAGE_SPREAD))

    def _near(
        self,
        random: np.random.Generator,
        topics: "np.ndarray[tuple[int], np.dtype[np.int64]]",
        spread: float,
    ) -> Vectors:
        noise = random.standard_normal((len(topics), DIMENSION)) * (spread / DIMENSION**0.5)
        return _unit(self._topics[topics] + noise).astype(np.float32)


def _unit(vectors: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths)


def _topic_words(random: np.random.Generator, topic: int, count: int) -> list[str]:
    return [f"t{topic}w{word}" for word in random.integers(_WORDS_PER_TOPIC, size=count)]


def _common_words(random: np.random.Generator, count: int) -> list[str]:
    # Few words are frequent and most are rare, as in every language.
    ranks = (_COMMON_WORDS ** random.random(count)).astype(int)
    return [f"c{rank}" for rank in ranks]
