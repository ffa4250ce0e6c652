"""Which model made the vectors of a corpus."""

from pydantic import BaseModel, ConfigDict, Field

from retrieval.errors import EmbeddingIdentityError


class EmbeddingIdentity(BaseModel):
    """Everything that must agree for two vectors to be comparable.

    `revision` is a content hash of the weights or a hub commit. `max_tokens` is
    where the model cuts its input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    revision: str
    dimension: int = Field(gt=0)
    normalized: bool = True
    query_prefix: str = ""
    passage_prefix: str = ""
    max_tokens: int = Field(gt=0)

    def require(self, other: "EmbeddingIdentity", where: str) -> None:
        """Raise `EmbeddingIdentityError`, naming both models, unless they agree."""
        if self == other:
            return
        mine, theirs = self.model_dump(), other.model_dump()
        differing = ", ".join(
            f"{name}: {mine[name]!r} here, {theirs[name]!r} given"
            for name in mine
            if mine[name] != theirs[name]
        )
        raise EmbeddingIdentityError(
            f"{where} was built with {self.model!r}, but {other.model!r} was given ({differing}). "
            "Use the model of the corpus (restart what runs, with its settings), bring the corpus "
            "to the other one by `pmoves reembed`, or ingest again into a corpus of its own "
            "(another PMOVES_HOME or PMOVES_CORPUS__URI)."
        )

    def same_vectors(self, other: "EmbeddingIdentity") -> bool:
        """Say whether passages have the same vectors with both; only questions may differ."""
        return self == other.model_copy(update={"query_prefix": self.query_prefix})
