"""`pmoves chaos`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from cluster.chaos.parts import Way
    from cluster.chaos.report import ChaosReport
    from cluster.mesh.state import MeshState
    from cluster.settings import Settings

_WAYS: tuple["Way", ...] = ("kill", "fill", "wait", "freeze")
_FULL_S = 10.0
Yes = Annotated[
    bool,
    typer.Option("--kill-parts-of-this-mesh", help="Without it nothing is killed, only told."),
]
PartNames = Annotated[
    list[str] | None,
    typer.Option("--part", help="gateway, machine, head …; again for more. All that come back."),
]
Freeze = Annotated[
    float, typer.Option("--freeze", min=0, max=600, help="Also stop each part for SECONDS.")
]
Rounds = Annotated[int, typer.Option(min=1, max=1_000, help="How often each part is struck.")]
Seed = Annotated[int, typer.Option(help="The same seed strikes in the same order.")]
Searches = Annotated[float, typer.Option(min=0.1, max=1_000, help="Searches begun per second.")]
Writes = Annotated[float, typer.Option(min=0.1, max=1_000, help="Writes begun per second.")]
Markdown = Annotated[
    Path | None, typer.Option("--markdown", help="Write the table to this file, too.")
]


def chaos(
    yes: Yes = False,
    part: PartNames = None,
    freeze: Freeze = 0.0,
    rounds: Rounds = 1,
    seed: Seed = 1,
    searches: Searches = 8.0,
    writes: Writes = 1.0,
    markdown: Markdown = None,
    as_json: AsJson = False,
) -> None:
    """Kill parts of this home's mesh under load, and say what it cost; exit 1 if too much."""
    import asyncio

    from cluster.chaos.load import LoadPlan
    from cluster.chaos.parts import SAFE
    from cluster.chaos.run import Chaos, ChaosPlan
    from cluster.config_report import given_values, read_settings

    loaded = settings()
    names = _known(part or list(SAFE))
    state = _own_mesh(loaded)
    remark(_warning(state, names))
    if not yes:
        raise typer.Exit(_refused())
    plan = ChaosPlan(names, _WAYS if freeze else _WAYS[:3], rounds, seed, freeze or _FULL_S)
    load = LoadPlan(state.url, loaded.api_key.get_secret_value(), searches, writes)
    given = dict(given_values(read_settings(), loaded))
    run: Chaos = Chaos(loaded, given, plan, load, remark)
    _show(asyncio.run(run.run()), markdown, as_json)


def _known(names: list[str]) -> list[str]:
    from cluster.chaos.parts import PARTS
    from cluster.errors import UsageError

    if unknown := [name for name in names if name not in PARTS]:
        raise UsageError(f"--part: {unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


def _own_mesh(loaded: "Settings") -> "MeshState":
    from cluster.access.choose import running_mesh
    from cluster.errors import MeshError

    state = running_mesh(loaded)
    if state is None:
        raise MeshError(
            f"no mesh runs for {loaded.home.absolute()} on this machine; `pmoves up` starts one. "
            "`pmoves chaos` strikes no other."
        )
    return state


def _warning(state: "MeshState", names: list[str]) -> str:
    from cluster.chaos.parts import PARTS

    lines = [f"the mesh of {state.home} at {state.url}: these are killed, one after the other:"]
    return "\n".join([*lines, *(f"  {name}: {PARTS[name].what}" for name in names)])


def _refused() -> int:
    remark("nothing was done; say --kill-parts-of-this-mesh if this is what you want.")
    return FAILURE


def _show(report: "ChaosReport", markdown: Path | None, as_json: bool) -> None:
    from cluster.chaos.report import HEADERS

    if markdown is not None:
        markdown.write_text(report.to_markdown() + "\n", encoding="utf-8")
    if as_json:
        print_json(report)
    else:
        print_table(HEADERS, [row.cells() for row in report.rows])
        for line in report.summary():
            say(line)
    if not report.ok:
        raise typer.Exit(FAILURE)
