import pytest
from pydantic import ValidationError

from retrieval.errors import EmbeddingIdentityError
from retrieval.identity import EmbeddingIdentity

MINE = EmbeddingIdentity(
    model="all-MiniLM-L6-v2", revision="sha256:aa", dimension=384, max_tokens=256
)


def test_the_same_model_is_accepted() -> None:
    MINE.require(MINE.model_copy(), "the corpus")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "bge-m3"),
        ("revision", "sha256:bb"),
        ("dimension", 1024),
        ("normalized", False),
        ("query_prefix", "query: "),
        ("passage_prefix", "passage: "),
        ("max_tokens", 512),
    ],
)
def test_any_difference_is_refused_with_both_sides_named(field: str, value: object) -> None:
    other = MINE.model_copy(update={field: value})
    with pytest.raises(EmbeddingIdentityError) as refused:
        MINE.require(other, "the corpus at /data")
    message = str(refused.value)
    assert "the corpus at /data was built with 'all-MiniLM-L6-v2'" in message
    assert f"{other.model!r} was given" in message
    assert f"{field}: {getattr(MINE, field)!r} here, {value!r} given" in message
    assert "ingest again" in message


def test_it_survives_json() -> None:
    assert EmbeddingIdentity.model_validate_json(MINE.model_dump_json()) == MINE


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="pooling"):
        EmbeddingIdentity.model_validate(MINE.model_dump() | {"pooling": "mean"})
