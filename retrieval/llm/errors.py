"""What goes wrong with a language model."""

from retrieval.errors import OverloadedError, StageError


class LanguageModelError(StageError):
    """The language model gave nothing that can be used."""


class BudgetSpentError(OverloadedError):
    """The tokens that the settings grant are spent."""
