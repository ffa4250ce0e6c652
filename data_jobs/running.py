"""What runs the stages of a job: Ray's workers, or threads of one process."""

from collections.abc import Iterator
from typing import Protocol

from data_jobs.plan import Plan
from data_jobs.stages.outcomes import DocumentOutcome
from data_jobs.watch import StoppableMonitor


class Runner(Protocol):
    """Runs one job."""

    @property
    def monitor(self) -> StoppableMonitor:
        """What the stages tell, and how they are told to stop."""
        ...

    def run(self, plan: Plan) -> Iterator[DocumentOutcome]:
        """Yield the outcome of every document as soon as it is committed.

        Raises the `PmovesError` of the stage that failed, else `JobError`.
        """
        ...

    def close(self) -> None:
        """Free what it holds; called when the run has ended."""
        ...


def on_ray() -> Runner:
    """Return what runs a job with Ray Data; Ray must be initialised."""
    # Ray takes a second to import, and jobs of one process do without it.
    from data_jobs.pipeline import OnRay

    return OnRay()
