"""Answers to the routes under `/eval`: one at a time, beside the searches of the same process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from starlette.exceptions import HTTPException

from eval.comparison import RunComparison, compare_runs
from eval.dashboard.pages import runs_page, trends_page
from eval.dashboard.stored_runs import StoredRuns, UnknownRunError
from eval.dashboard.views import GateView, RunDetail, RunList, Trend, gate_views, trends
from eval.errors import EvaluationError
from eval.pages.comparison_page import comparison_page
from eval.pages.report_page import report_page
from eval.pages.site import Site
from retrieval.errors import InvalidInputError, OverloadedError
from retrieval.query import Mode

MOST_WAITING = 8
T = TypeVar("T")


class Desk:
    """Reads, compares and shows the runs below a folder.

    Everything happens in one thread of its own, so that many readers cost no more
    than one. All methods but `run` are blocking.
    """

    def __init__(self, folder: Path) -> None:
        self._stored = StoredRuns(folder)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evaluations")
        self._waiting = 0

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what `work` returns.

        An unknown run becomes 404; one that cannot be read or compared, an
        `InvalidInputError`, whose message is for the caller. Raises `OverloadedError`
        where too many wait already: they would take the places of searches.
        """
        if self._waiting >= MOST_WAITING:
            raise OverloadedError(f"{MOST_WAITING} pages about evaluations are being made already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except UnknownRunError as error:
            raise HTTPException(404, str(error)) from error
        except EvaluationError as error:
            raise InvalidInputError(str(error)) from error
        finally:
            self._waiting -= 1

    def runs(self) -> RunList:
        """Return all runs."""
        return RunList.of(self._stored.list())

    def detail(self, name: str) -> RunDetail:
        """Return one run."""
        entry, run = self._stored.load(name)
        return RunDetail(run=name, report=entry.report, provenance=run.provenance)

    def comparison(self, first: str, second: str) -> RunComparison:
        """Return the comparison of two runs."""
        (_, before), (_, after) = self._stored.load(first), self._stored.load(second)
        return compare_runs(before, after)

    def gates(self) -> list[GateView]:
        """Return the state of every gate."""
        return gate_views(self._stored.list().entries)

    def trends(self, mode: Mode, metric: str) -> list[Trend]:
        """Return the courses of a metric."""
        return trends(self._stored.list().entries, mode, metric)

    def runs_page(self, dataset: str, site: Site) -> str:
        """Return the page of all runs, or of those over `dataset`."""
        return runs_page(self._stored.list(), dataset, site)

    def report_page(self, name: str, site: Site) -> str:
        """Return the page of one run."""
        entry, run = self._stored.load(name)
        return report_page(entry.report, run, site)

    def comparison_page(self, first: str, second: str, site: Site) -> str:
        """Return the page of two runs."""
        (_, before), (_, after) = self._stored.load(first), self._stored.load(second)
        return comparison_page(before, after, site=site)

    def trends_page(self, mode: Mode, metric: str, site: Site) -> str:
        """Return the page of the courses of a metric."""
        return trends_page(self._stored.list(), mode, metric, site)
