"""What finds relations in a passage: rules, a parser of sentences, or a language model."""

from collections.abc import Sequence
from typing import Protocol

from retrieval.graph.linking import Linker
from retrieval.relation import Statement


class RelationExtractor(Protocol):
    """Finds what texts state of names."""

    def extract(self, texts: Sequence[str], known: Linker) -> list[list[Statement]]:
        """Return the statements of each of `texts`, in their order.

        `known` finds the names of the dictionary, which count in any case; other names count
        where the extractor takes them for one. What cannot be read states nothing: only a
        failure of the extractor itself raises, as a `PmovesError`.
        """
        ...
