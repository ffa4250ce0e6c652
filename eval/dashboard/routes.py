"""The routes under `/eval`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from eval.comparison import RunComparison
from eval.dashboard.desk import Desk
from eval.dashboard.responses import PREFIX, page_response, site_of
from eval.dashboard.views import GateView, RunDetail, RunList, Trend
from eval.pages.site import Site
from retrieval.query import Mode

Run = Annotated[str, Query(min_length=1, description="Name of a run, such as TIME/COLLECTION.")]
Metric = Annotated[str, Query(description="A metric that the runs have.")]


def dashboard_router(folder: Path, site: Callable[[Request], Site] = site_of) -> APIRouter:
    """Return the routes over the runs that lie in `folder`; `site` says where they stand.

    They read, and nothing else. They tell of every namespace, so that whoever serves
    them lets in only those who may see all.
    """
    desk, router = Desk(folder), APIRouter(prefix=PREFIX, tags=["evaluation"])
    _add_pages(router, desk, site)
    _add_interface(router, desk)
    return router


def _add_pages(router: APIRouter, desk: Desk, site: Callable[[Request], Site]) -> None:
    @router.get("", summary="Evaluations as a page", response_class=HTMLResponse)
    async def runs_page(request: Request, dataset: str = "") -> HTMLResponse:
        """Show the stored runs, the state of the gates, and runs that cannot be read."""
        return page_response(await desk.run(desk.runs_page, dataset, site(request)))

    @router.get("/runs/{time}/{collection}", summary="A run as a page", response_class=HTMLResponse)
    async def run_page(request: Request, time: str, collection: str) -> HTMLResponse:
        """Show one run with all its queries."""
        name = f"{time}/{collection}"
        return page_response(await desk.run(desk.report_page, name, site(request)))

    @router.get("/compare", summary="Two runs as a page", response_class=HTMLResponse)
    async def comparison_page(request: Request, first: Run, second: Run) -> HTMLResponse:
        """Show two runs over one collection side by side."""
        return page_response(await desk.run(desk.comparison_page, first, second, site(request)))

    @router.get("/trends", summary="Trends as a page", response_class=HTMLResponse)
    async def trends_page(
        request: Request, mode: Mode = "hybrid", metric: str = ""
    ) -> HTMLResponse:
        """Show the course of a metric over time, for each collection."""
        return page_response(await desk.run(desk.trends_page, mode, metric, site(request)))


def _add_interface(router: APIRouter, desk: Desk) -> None:
    @router.get("/api/runs", summary="List evaluations")
    async def runs() -> RunList:
        """Return every stored run, the newest first, and those that cannot be read."""
        return await desk.run(desk.runs)

    @router.get("/api/runs/{time}/{collection}", summary="One evaluation")
    async def run(time: str, collection: str) -> RunDetail:
        """Return a run's report, and where its figures come from."""
        return await desk.run(desk.detail, f"{time}/{collection}")

    @router.get("/api/compare", summary="Compare two evaluations")
    async def compare(first: Run, second: Run) -> RunComparison:
        """Return all differences with their verdicts, and the queries that moved most."""
        return await desk.run(desk.comparison, first, second)

    @router.get("/api/trends", summary="The course of a metric")
    async def trends(metric: Metric, mode: Mode = "hybrid") -> list[Trend]:
        """Return the values of a metric over time, for each collection."""
        return await desk.run(desk.trends, mode, metric)

    @router.get("/api/gates", summary="State of the gates")
    async def gates() -> list[GateView]:
        """Return the thresholds of the newest judged run of each collection."""
        return await desk.run(desk.gates)
