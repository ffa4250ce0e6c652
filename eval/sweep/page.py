"""The page of a sweep: one HTML file that needs nothing else."""

import yaml

from eval.pages.templates import render_page
from eval.sweep import charts
from eval.sweep.report import SweepReport


def sweep_page(report: SweepReport) -> str:
    """Return the whole page, with its styles and drawings inside."""
    found = report.heat_map
    return render_page(
        "sweep.html",
        report=report,
        map=charts.map_chart(found, report.chosen, report.in_force) if found else None,
        lines=charts.line_charts(report.profiles, report.chosen, report.in_force),
        intervals=charts.interval_chart(report.gains),
        size=charts,
        spec=_yaml(report),
    )


def _yaml(report: SweepReport) -> str:
    """Return the specification as a file that gives the same sweep."""
    given = report.spec.model_dump(mode="json", exclude_none=True)
    wanted = {name: value for name, value in given.items() if value != {}}
    return yaml.safe_dump(wanted, sort_keys=False, default_flow_style=None, allow_unicode=True)
