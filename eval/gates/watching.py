"""Who is told of requests as they come and of their answers; metrics attach here."""

from typing import Protocol

PASSED, LEFT = "published", "left"


class GateWatch(Protocol):
    """Hears of each request to a gate."""

    def began(self) -> None:
        """A request has come in."""
        ...

    def ended(self, outcome: str, seconds: float) -> None:
        """It was answered: `published`, the reason of a failure, or `left` by who asked."""
        ...


class Unwatched:
    """Nobody is told."""

    def began(self) -> None:
        """Say nothing."""

    def ended(self, outcome: str, seconds: float) -> None:
        """Say nothing."""
