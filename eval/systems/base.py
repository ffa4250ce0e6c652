"""The interface of what is evaluated: something that stores passages and answers searches."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from eval.provenance import SystemDescription
from retrieval.chunk import Chunk
from retrieval.query import SearchRequest, SearchResponse


class SearchSystem(Protocol):
    """A search system under evaluation; close it after use."""

    @property
    def name(self) -> str:
        """How reports call it."""
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


@runtime_checkable
class Describing(Protocol):
    """A system that can also tell what its answers come from."""

    async def describe(self) -> SystemDescription:
        """Return settings, model and code, as far as they are known."""
        ...


async def description_of(system: SearchSystem) -> SystemDescription:
    """Return what `system` tells of itself; an empty description where it tells nothing."""
    return await system.describe() if isinstance(system, Describing) else SystemDescription()
