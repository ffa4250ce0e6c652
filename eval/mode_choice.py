"""The modes of a search, as the command line wants them."""

from enum import StrEnum


class ModeChoice(StrEnum):
    """A mode of a search."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"
