"""Options that several commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.output import remark

if TYPE_CHECKING:
    from cluster.access.base import Access
    from cluster.config_report import Report
    from cluster.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="A running mesh; else PMOVES_URL, else this home's."),
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="Entries at most.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", metavar="CURSOR", help="Where the page before ended.")
]


def settings() -> "Settings":
    """Return the settings, and start logging; wrong values raise `ConfigError`."""
    from cluster.config_report import read_settings

    return usable(read_settings())


def usable(report: "Report") -> "Settings":
    """Return the settings of a report; names that no setting has are remarked upon."""
    from cluster.config_report import require_usable
    from cluster.logs import configure_logging

    loaded = require_usable(report)
    for fault in report.unknown:
        remark(f"pmoves: {fault}")
    configure_logging(loaded.log)
    return loaded


@contextmanager
def access(loaded: "Settings", url: str | None) -> "Iterator[Access]":
    """Yield access to the corpus that the options mean."""
    from cluster.access.choose import choose_access

    chosen = choose_access(loaded, url)
    try:
        yield chosen
    finally:
        chosen.close()
