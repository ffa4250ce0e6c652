"""`pmoves tiers` and `node`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from cluster.tiers.table import Work


def tiers(as_json: AsJson = False) -> None:
    """Show which machines each deployment and stage likes, and where it would land now."""
    from cluster.access.choose import running_mesh
    from cluster.mesh.dashboard import Dashboard
    from cluster.tiers.table import placement_table

    loaded = settings()
    state, nodes = running_mesh(loaded), None
    if state:
        with Dashboard(state) as dashboard:
            nodes = dashboard.nodes()
    work = placement_table(loaded, nodes)
    if as_json:
        print_json([one.model_dump(mode="json") for one in work])
        return
    rows = [
        (
            one.name,
            one.kind,
            " > ".join(one.tiers),
            f"{one.cpus:g}",
            f"{one.gpus:g}",
            _count(one),
            one.lands or one.why or "no mesh runs",
        )
        for one in work
    ]
    print_table(["work", "kind", "tiers", "CPUs", "GPUs", "count", "lands on"], rows)


def _count(work: "Work") -> str:
    if not work.most:
        return "by cores"
    return f"{work.least}" if work.least == work.most else f"{work.least} to {work.most}"


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


def node(
    head: Head = "", tier: AsTier = "", gpus: Gpus = None, site: Site = "", as_json: AsJson = False
) -> None:
    """Print how this machine joins a cluster: what to export, then `ray start` with its labels."""
    from dataclasses import replace

    from cluster.errors import ConfigError
    from cluster.tiers.detecting import detect
    from cluster.tiers.joining import environment_lines, start_line
    from retrieval.placement import TIERS

    machine = detect()
    if tier:
        if tier not in TIERS:
            raise ConfigError(f"--tier: {tier!r} is none of {', '.join(TIERS)}")
        machine = replace(machine, tier=tier)
    if gpus is not None:
        machine = replace(machine, gpus=gpus)
    line = start_line(machine, head, site)
    if as_json:
        print_json({"tier": machine.tier, "labels": machine.labels(site), "command": line})
        return
    for text in (*environment_lines(), line):
        say(text)
