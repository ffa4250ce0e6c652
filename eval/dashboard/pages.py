"""The list of runs and the trends as pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from eval.dashboard.stored_runs import Entry, Listing
from eval.dashboard.views import Trend, gate_views, metric_names, trends
from eval.pages.charts import FIELD, Scale, Whisker
from eval.pages.site import Site
from eval.pages.templates import render_page
from eval.statistics import Estimate
from retrieval.query import Mode

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Headline:
    """The figure that stands for a run in the list."""

    name: str
    mode: Mode
    value: Estimate


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the list."""

    entry: Entry
    headline: Headline | None


@dataclass(frozen=True, slots=True)
class Place:
    """A point of a course: where it stands from left to right, and its interval upwards."""

    at: float
    shape: Whisker


@dataclass(frozen=True, slots=True)
class Course:
    """A trend with its shape; `low` and `high` are the ends of the axis."""

    trend: Trend
    places: Sequence[Place]
    low: float
    high: float


def runs_page(listing: Listing, dataset: str, site: Site) -> str:
    """Return the newest runs, the state of the gates, and what cannot be read."""
    entries = listing.entries
    wanted = [entry for entry in entries if not dataset or entry.report.dataset == dataset]
    return render_page(
        "runs.html",
        site=site,
        rows=[Row(entry, _headline(entry)) for entry in wanted[:SHOWN]],
        total=len(wanted),
        gates=gate_views(entries),
        faults=listing.faults,
        datasets=list(dict.fromkeys(entry.report.dataset for entry in entries)),
        dataset=dataset,
    )


def trends_page(listing: Listing, mode: Mode, metric: str, site: Site) -> str:
    """Return the course of `metric`, or of the newest run's first one, for each collection."""
    names = metric_names(listing.entries)
    chosen = metric or next(iter(names), "")
    return render_page(
        "trends.html",
        site=site,
        courses=[_course(found) for found in trends(listing.entries, mode, chosen)],
        metrics=names,
        metric=chosen,
        modes=get_args(Mode),
        mode=mode,
    )


def _headline(entry: Entry) -> Headline | None:
    for found in entry.report.modes:
        for name, value in found.metrics.items():
            return Headline(name, found.mode, value)
    return None


def _course(trend: Trend) -> Course:
    scale = Scale.of([point.value for point in trend.points])
    step = FIELD / max(len(trend.points) - 1, 1)
    places = [
        Place(round(number * step, 2), scale.whisker(point.value))
        for number, point in enumerate(trend.points)
    ]
    return Course(trend, places, scale.low, scale.high)
