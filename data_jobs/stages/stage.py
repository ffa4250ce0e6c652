"""What all stages have in common: they take rows, and no document can stop another."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import pyarrow as pa

from data_jobs.errors import IngestError, SetAsideError, StoppedError
from data_jobs.monitor import Monitor
from data_jobs.stages.work import Carried, StageName, Work, bundles, pack, unpack
from retrieval.errors import PmovesError


class Stage(ABC):
    """A step that turns one document into one or several.

    Errors of a document quarantine it. Errors that no document is to blame for,
    such as a corpus that cannot be written, end the job.
    """

    name: ClassVar[StageName]

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Take bundles of documents; yield bundles of documents."""
        yield from bundles(self.documents(unpack(table)))
        self._monitor.flush()

    @abstractmethod
    def process(self, work: Work) -> Iterator[Work]:
        """Do the step for one document whose outcome is still open."""

    def guarded(self, work: Work) -> list[Work]:
        """Process `work`, keep the time, and turn errors into an outcome."""
        return self.attempted(work, lambda: list(self.process(work)))

    def attempted(self, work: Work, step: Callable[[], list[Work]]) -> list[Work]:
        """Return what `step` makes of `work`, or `work` itself, stopped or quarantined.

        Raises the errors that end a job, and `SetAsideError`.
        """
        if self._monitor.stopping():
            work.outcome = "stopped"
            return [work]
        started = time.perf_counter()
        try:
            results = step()
        except SetAsideError:
            raise
        except StoppedError:
            work.outcome = "stopped"
            return [work]
        except Exception as error:
            if isinstance(error, PmovesError) and not isinstance(error, IngestError):
                raise
            work.quarantine(self.name, error)
            results = [work]
        work.timings[self.name] = round(time.perf_counter() - started, 6)
        return results

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; yield each as soon as it is done."""
        for document in documents:
            if document.settled:
                yield document
            else:
                yield from map(pack, self.guarded(document.work()))
            self._monitor.add(self.name, 1)
