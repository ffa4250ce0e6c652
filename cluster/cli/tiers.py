"""`pmoves tiers` and `node`."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from cluster.mesh.dashboard import Reachable
    from cluster.settings import Settings
    from cluster.tiers.returning import Move
    from cluster.tiers.table import Work

_LOOK_EVERY_S = 10.0


MoveBack = Annotated[
    bool, typer.Option("--move-back", help="Move deployments to better nodes that are back.")
]
Watch = Annotated[bool, typer.Option("--watch", help="With --move-back: again every 10 seconds.")]
DashboardUrl = Annotated[
    str,
    typer.Option(
        "--dashboard",
        metavar="URL",
        envvar="RAY_API_SERVER_ADDRESS",
        help="With --move-back: Ray's dashboard, where it is not this home's.",
    ),
]


def tiers(
    move_back: MoveBack = False,
    watch: Watch = False,
    dashboard: DashboardUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show which machines each deployment and stage likes, and where it would land now."""
    from cluster.access.choose import running_mesh
    from cluster.mesh.dashboard import Dashboard
    from cluster.tiers.table import placement_table

    loaded = settings()
    if move_back:
        _move_back(loaded, dashboard, watch, as_json)
        return
    state, nodes = running_mesh(loaded), None
    if state:
        with Dashboard(state) as asked:
            nodes = asked.nodes()
    work = placement_table(loaded, nodes)
    if as_json:
        print_json([one.model_dump(mode="json") for one in work])
        return
    print_table(*columns(work))


def columns(work: "list[Work]") -> tuple[list[str], list[list[str]]]:
    """Return head and rows; reserves and targets have a column only where there are any."""
    from retrieval.reserving import told

    columns: dict[str, list[str]] = {
        "work": [one.name for one in work],
        "kind": [one.kind for one in work],
        "tiers": [" > ".join(one.tiers) for one in work],
        "CPUs": [f"{one.cpus:g}" for one in work],
        "GPUs": [f"{one.gpus:g}" for one in work],
        "reserves": [", ".join(told(one.reserves)) for one in work],
        "count": [_count(one) for one in work],
        "target": [_target(one) for one in work],
        "lands on": [one.lands or one.why or "no mesh runs" for one in work],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    return list(used), [list(row) for row in zip(*used.values(), strict=True)]


def _move_back(loaded: "Settings", url: str, watch: bool, as_json: bool) -> None:
    """Move what is due; with `watch` until it is interrupted, whatever fails meanwhile."""
    from cluster.errors import MeshError
    from cluster.mesh.dashboard import Dashboard
    from cluster.tiers.moving import move_back

    while True:
        try:
            with Dashboard(_address(loaded, url)) as dashboard:
                _tell(move_back(dashboard, loaded.tiers.return_s), watch, as_json)
        except MeshError as error:
            if not watch:
                raise
            remark(f"pmoves: {error}")
        if not watch:
            return
        time.sleep(_LOOK_EVERY_S)


def _address(loaded: "Settings", url: str) -> "Reachable":
    """Return the dashboard of `url`, else of this home's mesh."""
    from cluster.access.choose import running_mesh
    from cluster.errors import MeshError
    from cluster.mesh.dashboard import DashboardAddress, environment_token

    if url:
        return DashboardAddress(url, environment_token())
    if state := running_mesh(loaded):
        return state
    raise MeshError(f"no mesh runs for {loaded.home.absolute()}; name one with --dashboard URL.")


def _tell(moved: "list[Move]", watch: bool, as_json: bool) -> None:
    if as_json:
        print_json([move.model_dump(mode="json") for move in moved])
        return
    for move in moved:
        say(f"{move.deployment}: from {', '.join(move.tiers_now)} to {move.tier}")
    if not moved and not watch:
        say("nothing is to be moved")


def _count(work: "Work") -> str:
    if not work.most:
        return "by cores"
    return f"{work.least}" if work.least == work.most else f"{work.least} to {work.most}"


def _target(work: "Work") -> str:
    ongoing = "" if work.target_ongoing is None else f"{work.target_ongoing:g} requests"
    return ongoing + ("" if work.target_wait_s is None else f", {work.target_wait_s:g} s")


Head = Annotated[
    str, typer.Argument(metavar="[HEAD]", help="host:port of the head; none: start a head.")
]
AsTier = Annotated[
    str, typer.Option("--tier", help="gpu, jetson or cpu instead of what the machine seems.")
]
Gpus = Annotated[
    int | None, typer.Option("--gpus", min=0, help="Number of GPUs, where it is miscounted.")
]
Site = Annotated[str, typer.Option("--site", help="Where the machine stands, as a label.")]
Resources = Annotated[
    str,
    typer.Option(
        metavar="NAME=AMOUNT,…", help="What the machine offers beside: rerank_slots=4 for example."
    ),
]


def node(
    head: Head = "",
    tier: AsTier = "",
    gpus: Gpus = None,
    site: Site = "",
    resources: Resources = "",
    as_json: AsJson = False,
) -> None:
    """Print how this machine joins a cluster: what to export, then `ray start` with its labels."""
    from dataclasses import replace

    from cluster.errors import ConfigError
    from cluster.tiers.detecting import detect
    from cluster.tiers.joining import environment_lines, start_line
    from retrieval.placement import TIERS
    from retrieval.reserving import resources_of

    machine = detect()
    if tier:
        if tier not in TIERS:
            raise ConfigError(f"--tier: {tier!r} is none of {', '.join(TIERS)}")
        machine = replace(machine, tier=tier)
    if gpus is not None:
        machine = replace(machine, gpus=gpus)
    try:
        offered = resources_of(resources)
    except ValueError as error:
        raise ConfigError(f"--resources: {error}") from error
    line = start_line(machine, head, site, offered)
    if as_json:
        print_json({"tier": machine.tier, "labels": machine.labels(site), "command": line})
        return
    for text in (*environment_lines(), line):
        say(text)
