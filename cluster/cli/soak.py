"""`pmoves soak`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from cluster.chaos.soak import SoakReport

Minutes = Annotated[float, typer.Option(min=0.5, max=100_000, help="How long.")]
Every = Annotated[float, typer.Option(min=1, max=3_600, help="Seconds between two looks.")]
Searches = Annotated[float, typer.Option(min=0.1, max=1_000, help="Searches begun per second.")]
Writes = Annotated[float, typer.Option(min=0.1, max=1_000, help="Writes begun per second.")]


def soak(
    minutes: Minutes = 60.0,
    every: Every = 10.0,
    searches: Searches = 8.0,
    writes: Writes = 1.0,
    as_json: AsJson = False,
) -> None:
    """Search and write in this home's mesh for long; say what grows; exit 1 on a wrong answer."""
    import asyncio
    from pathlib import Path

    from cluster.access.choose import running_mesh
    from cluster.chaos.load import LoadPlan
    from cluster.chaos.mesh import RunningMesh
    from cluster.chaos.soak import soak as soaked
    from cluster.errors import MeshError

    loaded = settings()
    state = running_mesh(loaded)
    if state is None:
        raise MeshError(f"no mesh runs for {loaded.home.absolute()}; `pmoves up` starts one.")
    key = loaded.api_key.get_secret_value()
    plan = LoadPlan(state.url, key, searches, writes, prefix="soak")
    corpus = Path(loaded.corpus_uri)
    _show(asyncio.run(soaked(RunningMesh(state), corpus, plan, minutes, every)), as_json)


def _show(report: "SoakReport", as_json: bool) -> None:
    from cluster.chaos.soak import HEADERS

    if as_json:
        print_json(report)
    else:
        print_table(HEADERS, report.rows())
        for line in report.summary():
            say(line)
    if not report.ok:
        raise typer.Exit(FAILURE)
