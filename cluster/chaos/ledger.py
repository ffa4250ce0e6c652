"""What became of every request of a load."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import httpx

from serve_apps.problems import CATALOGUE, MEDIA_TYPE

Kind = Literal["search", "write", "fresh"]
Outcome = Literal[
    "answered", "refused cleanly", "failed", "broken off", "not connected", "timed out"
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: when it was sent (`time.monotonic`), how long it took, what came."""

    kind: Kind
    at: float
    seconds: float
    outcome: Outcome
    detail: str = ""
    degraded: bool = False

    @property
    def ended(self) -> float:
        """When its answer came, or its end."""
        return self.at + self.seconds


@dataclass(slots=True)
class Ledger:
    """Every request of a load, every answer that was wrong, and what was not sent.

    `held_back` counts requests that were due while as many as the load may have were on
    their way.
    """

    entries: list[Entry] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    held_back: int = 0

    def since(self, moment: float) -> list[Entry]:
        """Return the requests that were under way at `moment`, or were sent later."""
        return [entry for entry in self.entries if entry.ended >= moment]


def unanswered(entries: Iterable[Entry]) -> list[Entry]:
    """Return the requests without an answer, refused ones too."""
    return [entry for entry in entries if entry.outcome != "answered"]


def outcomes(entries: Iterable[Entry]) -> dict[str, int]:
    """Count the requests by kind and outcome."""
    return dict(Counter(f"{entry.kind}: {entry.outcome}" for entry in entries))


def outcome_of(error: httpx.HTTPError) -> Outcome:
    """Return how a request ended that has no answer."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "not connected"
    return "timed out" if isinstance(error, httpx.TimeoutException) else "broken off"


def is_clean(answer: httpx.Response) -> bool:
    """Say whether `answer` refuses with a problem document and says when to come back."""
    return (
        answer.status_code in (429, 503)
        and answer.headers.get("content-type") == MEDIA_TYPE
        and answer.headers.get("retry-after", "").isdecimal()
        and answer.json()["type"] in CATALOGUE
    )
