"""What servers answer to a call of OpenAI's `/embeddings`, checked."""

import numpy as np

from retrieval.chunk import JsonValue, Vectors
from retrieval.errors import EmbeddingIdentityError, StageError
from retrieval.openai.client import Answer


def require_model(answer: Answer, expected: tuple[str, ...], url: str) -> None:
    """Raise `EmbeddingIdentityError`, naming both models, if another one answered."""
    named = answer.get("model")
    if named is None or named in expected:
        return
    raise EmbeddingIdentityError(
        f"{url} embeds with the model {named!r}, but {expected[0]!r} was asked for. If that is "
        "another name of the same weights, set PMOVES_EMBEDDING__ANSWERS_AS to it; if not, set "
        "PMOVES_EMBEDDING__MODEL and bring the corpus to it by `pmoves reembed`."
    )


def read_vectors(answer: Answer, count: int, url: str) -> Vectors:
    """Return the vectors in `answer`, float32 of shape (count, length), in order of the texts.

    Raises `StageError` unless each text has exactly one, all of one length and finite.
    """
    entries = answer.get("data")
    if not isinstance(entries, list) or len(entries) != count:
        got = len(entries) if isinstance(entries, list) else "no"
        raise StageError(f"{url} gave {got} vectors for {count} texts")
    found: dict[int, JsonValue] = {}
    for at, entry in enumerate(entries):
        place, vector = _entry(entry, at, url)
        if not 0 <= place < count or place in found:
            raise StageError(f"{url} gave a wrong index with vector {at}: {place}")
        found[place] = vector
    try:
        vectors = np.array([found[place] for place in range(count)], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise StageError(f"{url} gave vectors that are none: {error}") from error
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise StageError(f"{url} gave vectors of shape {vectors.shape}, or with no numbers in them")
    return vectors


def cut_and_scaled(vectors: Vectors, dimension: int) -> Vectors:
    """Return the first `dimension` numbers of each vector, scaled to unit length."""
    kept = vectors[:, :dimension]
    lengths = np.linalg.norm(kept, axis=1, keepdims=True)
    scaled: Vectors = kept / np.maximum(lengths, np.float32(1e-12))
    return scaled


def _entry(entry: JsonValue, at: int, url: str) -> tuple[int, JsonValue]:
    if not isinstance(entry, dict) or not isinstance(entry.get("embedding"), list):
        raise StageError(f"{url} gave no vector for text {at}: {str(entry)[:100]}")
    place = entry.get("index", at)
    if not isinstance(place, int):
        raise StageError(f"{url} gave a wrong index with vector {at}: {place!r}")
    return place, entry["embedding"]
