"""`python -m data_jobs.backfill SPEC.yaml`: run a backfill once, on schedule, or dry.

Joins the Ray that `RAY_ADDRESS` or the surrounding Ray job names, else starts one of its
own. Exit codes are those of `data_jobs.ingest`.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from data_jobs.backfill.schedule import keep_time
from data_jobs.backfill.spec import BackfillSpec, read_spec
from data_jobs.backfill.survey import Survey, survey
from data_jobs.ingest import FAILED, ingest_with_report, told
from data_jobs.reporting import duration
from data_jobs.settings import JobSettings
from retrieval.chunk import utc_now
from retrieval.cron import next_time
from retrieval.errors import PmovesError
from retrieval.job_request import JobRequest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    with os.fdopen(os.dup(2), "w") as errors:
        return _main(arguments, Console(file=errors, soft_wrap=True))


def _main(arguments: Sequence[str] | None, console: Console) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings, spec = JobSettings(), read_spec(options.spec)
        if options.scheduled and spec.schedule is None:
            parser.error(f"{options.spec} has no schedule")
    except (ValidationError, PmovesError) as error:
        parser.error(told(error))
    request = spec.request(settings.search.namespace)
    if options.dry_run:
        return _dry_run(request, settings, options.json, console)
    if options.scheduled:
        return _scheduled(spec, request, settings, options.json, console)
    return ingest_with_report(request, settings, options.job_id, options.json, console)


def _scheduled(
    spec: BackfillSpec, request: JobRequest, settings: JobSettings, as_json: bool, console: Console
) -> int:
    expression, zone = spec.schedule or "", spec.timezone

    def run() -> None:
        ingest_with_report(request, settings, None, as_json, console)
        _tell_next(expression, zone, console)

    _tell_next(expression, zone, console)
    try:
        keep_time(expression, zone, run, utc_now)
    except KeyboardInterrupt:
        console.print("stopped")
    return FAILED


def _tell_next(expression: str, zone: str, console: Console) -> None:
    due = next_time(expression, zone, utc_now())
    console.print(f"the next run begins at {due:%Y-%m-%d %H:%M %Z}", markup=False)


def _dry_run(request: JobRequest, settings: JobSettings, as_json: bool, console: Console) -> int:
    try:
        found = survey(request, settings)
    except PmovesError as error:
        console.print(f"the sources cannot be looked at: {error}", markup=False)
        return FAILED
    if as_json:
        print(json.dumps(asdict(found) | {"total_seconds": found.total_seconds}))
    else:
        _print_survey(found, Console(soft_wrap=True))
    return FAILED if found.failures else 0


def _print_survey(found: Survey, console: Console) -> None:
    table = Table(box=None)
    for title in ("LANE", "FOUND", "NEW", "CHANGED", "UNCHANGED", "OVER BUDGET", "MB", "WORK"):
        table.add_column(title, justify="left" if title == "LANE" else "right")
    for lane, counts in sorted(found.lanes.items()):
        numbers = (counts.found, counts.new, counts.changed, counts.unchanged, counts.over_budget)
        work = found.seconds[lane]
        shown = "unknown" if work is None and counts.to_do else duration(work or 0.0)
        table.add_row(lane, *map(str, numbers), f"{counts.bytes / 1e6:.1f}", shown)
    console.print(table)
    total = found.total_seconds
    console.print(
        "nothing of these lanes was read here before, so the time is unknown"
        if total is None
        else f"about {duration(total)} of work on one core, less where several share it"
    )
    for failure in found.failures:
        console.print(failure, markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data_jobs.backfill",
        description="Ingest whole libraries as a specification says.",
        epilog="exit codes: 0 all ready or unchanged, 3 some quarantined, 1 failed, 2 wrong usage",
    )
    add = parser.add_argument
    add("spec", type=Path, metavar="SPEC.yaml", help="the specification")
    add(
        "--dry-run",
        action="store_true",
        help="count, estimate the time, and read nothing",
    )
    add("--scheduled", action="store_true", help="stay, and run at the times of the schedule")
    add("--job-id", help="run this job of the store, or give the new one this id")
    add("--json", action="store_true", help="print the outcome as JSON on standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
