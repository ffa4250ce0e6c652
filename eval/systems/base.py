"""The interface of what is evaluated: something that stores passages and answers searches."""

from collections.abc import Sequence
from typing import Protocol

from eval.provenance import SystemDescription
from retrieval.chunk import Chunk
from retrieval.query import SearchRequest, SearchResponse


class SearchSystem(Protocol):
    """A search system under evaluation; close it after use."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    async def describe(self) -> SystemDescription:
        """Return the settings, model and code that answers come from."""
        ...

    async def index(self, chunks: Sequence[Chunk]) -> int:
        """Make `chunks` the whole content of their documents; return the index version."""
        ...

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Answer one search."""
        ...

    async def close(self) -> None:
        """Give back connections and threads."""
        ...
