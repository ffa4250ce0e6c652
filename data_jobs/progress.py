"""How far a job is, and what it came to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from data_jobs.stages.outcomes import DocumentOutcome
from retrieval.jobs import JobState

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a job at one moment.

    `doing` says what takes time while no document can come out. `total` is None
    until everything is listed. `seconds` run since the start, `rate` is documents
    per second since the first came out.
    """

    doing: str = ""
    total: int | None = None
    done: int = 0
    ready: int = 0
    quarantined: int = 0
    skipped: int = 0
    passages: int = 0
    listed: int = 0
    stages: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    rate: float | None = None

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left at this rate, None when unknown."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


@dataclass(slots=True)
class Reason:
    """Why some documents are quarantined, with a few of them as examples."""

    stage: str
    type: str
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What became of the documents so far; a few examples of each failure are kept."""

    outcomes: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    needs_ocr: int = 0
    reasons: dict[tuple[str, str], Reason] = field(default_factory=dict)

    def add(self, document: DocumentOutcome) -> None:
        """Count one document."""
        self.outcomes[document.outcome] += 1
        self.chunks += document.chunks
        self.needs_ocr += document.needs_ocr
        if document.outcome == "quarantined":
            key = document.stage or "", document.type or ""
            reason = self.reasons.setdefault(key, Reason(*key))
            reason.count += 1
            if len(reason.examples) < _EXAMPLES:
                reason.examples.append((document.source, document.message or ""))

    @property
    def done(self) -> int:
        """Documents that came to an end, whatever it was."""
        return self.outcomes.total() - self.outcomes["stopped"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job came to.

    `needs_ocr` counts pages without usable text in documents that are ready.
    `index_version` is the corpus version that shows it all. `deleted` were gone from their
    sources, `left` are for a later run.
    """

    job_id: str
    namespace: str
    state: JobState
    total: int
    ready: int
    quarantined: int
    skipped: int
    chunks: int
    needs_ocr: int
    seconds: float
    index_version: int
    reasons: list[Reason]
    deleted: int = 0
    left: int = 0
