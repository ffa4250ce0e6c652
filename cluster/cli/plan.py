"""`pmoves plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from cluster.capacity.sizes import NodeSize
    from cluster.capacity.telling import CapacityReport
    from retrieval.placement import Tier

Chunks = Annotated[int, typer.Option(min=1, max=10**12, help="Passages in the corpus.")]
Qps = Annotated[float, typer.Option(min=0, max=1e9, help="Searches a second, at the mean.")]
Tiers = Annotated[
    str,
    typer.Option(
        metavar="TIER=CORESxGIB,…", help="Machines that may be had: cpu=8x32,gpu=16x64 for example."
    ),
]
Busy = Annotated[
    float, typer.Option(min=0.05, max=1.0, help="Share of a core that may be busy at the mean.")
]
PerPage = Annotated[float, typer.Option(min=0.01, max=1_000, help="Passages from a page.")]
Cores = Annotated[int, typer.Option(min=0, help="Cores for the first ingest; 0: one node's.")]
FiguresFolder = Annotated[
    Path | None,
    typer.Option("--figures", help="Folder of `pmoves bench … --out`: your own figures."),
]


def plan(
    chunks: Chunks,
    qps: Qps,
    tiers: Tiers = "cpu=8x32",
    busy: Busy = 0.6,
    chunks_per_page: PerPage = 1.5,
    ingest_cores: Cores = 0,
    figures: FiguresFolder = None,
    as_json: AsJson = False,
) -> None:
    """Say how many machines a corpus and its searches need; exit 1 if no machine will do."""
    from cluster.capacity.figures import own, shipped
    from cluster.capacity.planning import plan as planned
    from cluster.capacity.sizes import Demand
    from cluster.capacity.telling import told
    from serve_apps.questions import asked_here

    known = own(figures, shipped()) if figures else shipped()
    demand = Demand(
        chunks=chunks,
        qps=qps,
        nodes=_nodes(tiers),
        busy=busy,
        chunks_per_page=chunks_per_page,
        ingest_cores=ingest_cores,
    )
    loaded = settings()
    found = told(planned(demand, known, loaded.tiers, asked_here(loaded)), known)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found.impossible:
        raise typer.Exit(FAILURE)


def _nodes(text: str) -> "dict[Tier, NodeSize]":
    from cluster.capacity.sizes import NodeSize
    from cluster.errors import UsageError
    from retrieval.placement import TIERS

    found: dict[Tier, NodeSize] = {}
    for part in text.split(","):
        tier, _, size = part.strip().partition("=")
        cores, _, memory = size.partition("x")
        if (
            tier not in TIERS
            or not cores.isdecimal()
            or not memory.isdecimal()
            or "0"
            in (
                cores,
                memory,
            )
        ):
            raise UsageError(
                f"--tiers: {part.strip()!r} is not TIER=CORESxGIB with a tier of "
                f"{', '.join(TIERS)}, such as cpu=8x32."
            )
        found[tier] = NodeSize(cores=int(cores), memory_gib=float(memory))
    return found


def _show(found: "CapacityReport") -> None:
    print_table(
        ("what", "amount", "because"), [(one.what, one.amount, one.because) for one in found.lines]
    )
    for note in found.notes:
        say(f"note: {note}")
    for fault in found.impossible:
        say(f"not possible: {fault}")
