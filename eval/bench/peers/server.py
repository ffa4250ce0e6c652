"""The interface of what is measured: a server that indexes passages and answers searches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.bench.load import Load
from eval.bench.peers.memory import Processes


@dataclass(frozen=True, slots=True)
class Passage:
    """What is indexed, and the document that it is a part of."""

    passage_id: str
    doc_id: str
    text: str


class SearchServer(Protocol):
    """A running search server; the caller ends it."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """The packages that decide, with their versions."""
        ...

    @property
    def processes(self) -> Processes | None:
        """Tells the processes that serve; None where they are not known."""
        ...

    def index(self, passages: Sequence[Passage]) -> None:
        """Index `passages`; return once searches find all of them."""
        ...

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        """Return the load that asks each query once, for `k` passages with their texts."""
        ...

    def search(self, query: str, k: int) -> list[str]:
        """Return the documents of the `k` best passages, best first, each as often as found."""
        ...
