"""Settings of answers."""

from pydantic import Field

from retrieval.setting_group import Group, Milliseconds


class AnswerSettings(Group):
    """Answers by the language model from what a search has found."""

    passages: int = Field(
        8, ge=1, le=100, description="Passages that the language model reads at most."
    )
    characters: int = Field(
        16_000,
        ge=500,
        le=4_000_000,
        description="Characters of these together; what is behind is left out.",
    )
    timeout_ms: Milliseconds = Field(60_000, description="Time for an answer, behind the search.")
