"""`pmoves personas`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from eval.collections import named_collection
from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.gates.answers import Answer
from eval.gates.definition import load_gates
from eval.gates.exchange import attend
from eval.gates.gate import PersonaGate
from eval.gates.opening import open_gate
from eval.gates.results import GateRow
from eval.gates.settings import PersonaSettings
from eval.gates.stores.base import GateStore
from eval.gates.stores.choose import open_store
from eval.progress import LineProgress
from eval.systems.base import SearchSystem
from eval.systems.http import HttpSystem
from eval.tables import text_table

personas_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Gates that personas must pass."
)

RequestFile = Annotated[
    str,
    typer.Argument(
        metavar="REQUEST",
        help="File with an event persona.publish.request.v1, or with one a line; - for standard "
        "input.",
    ),
]
Against = Annotated[
    str | None,
    typer.Option(envvar="PMOVES_URL", help="Address of a running mesh; without: in process."),
]
ApiKey = Annotated[str | None, typer.Option(envvar="PMOVES_API_KEY", help="Key for the mesh.")]
GateFile = Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of gates.")]
Persona = Annotated[
    str | None, typer.Argument(metavar="[NAME[@VERSION]]", help="Which persona; all by default.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@personas_app.command("gate")
def gate_command(
    context: typer.Context, request: RequestFile, against: Against = None, api_key: ApiKey = None
) -> None:
    """Answer requests to publish personas: print one event for each, a line of JSON.

    Ends with 1 where one of them failed. The same request again gets the same answer.
    """
    settings = PersonaSettings()
    source = RequestLines(_content(request))

    def system() -> SearchSystem:
        return HttpSystem(against, api_key) if against else _local(settings)

    def collection(path: str) -> Dataset:
        return named_collection(path, context.obj)

    sink = PrintedAnswers()
    gate = open_gate(settings, system, collection, roots=None, progress=LineProgress())
    asyncio.run(_answer(source, sink, gate))
    if sink.failed:
        raise typer.Exit(1)


@personas_app.command("define")
def define_command(file: GateFile, as_json: AsJson = False) -> None:
    """Store the gates of a file, in the place of those of the same name and version."""
    gates = load_gates(file)
    with _store(PersonaSettings()) as store:
        store.define(gates)
    if as_json:
        typer.echo(json.dumps({"defined": [gate.title for gate in gates]}))
        return
    for gate in gates:
        typer.echo(f"{gate.title}: {', '.join(item.id for item in gate.datasets)}")


@personas_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the gates, those that come with the program among them."""
    with _store(PersonaSettings()) as store:
        gates = store.gates()
    if as_json:
        found = [gate.model_dump(mode="json", by_alias=True, exclude_unset=True) for gate in gates]
        typer.echo(json.dumps({"gates": found}))
        return
    rows = [
        [gate.title, item.id, item.queries_path or "", ", ".join(item.thresholds)]
        for gate in gates
        for item in gate.datasets
    ]
    typer.echo(text_table(["persona", "data set", "queries", "thresholds"], rows))


@personas_app.command("results")
def results_command(persona: Persona = None, as_json: AsJson = False) -> None:
    """Show what was measured last, with thresholds and the run that it comes from."""
    with _store(PersonaSettings()) as store:
        rows = store.results(*_name_and_version(persona))
    if as_json:
        typer.echo(json.dumps({"results": [row.model_dump(mode="json") for row in rows]}))
        return
    columns = [
        "persona",
        "data set",
        "suite",
        "metric",
        "rule",
        "threshold",
        "value",
        "result",
        "run",
    ]
    typer.echo(text_table(columns, [_cells(row) for row in rows]))


@dataclass(frozen=True, slots=True)
class LineDelivery:
    """One request of a file, which nobody delivers again."""

    body: bytes

    async def acknowledge(self) -> None:
        """Do nothing."""


class RequestLines:
    """The requests in `content`: one JSON document, or one a line."""

    def __init__(self, content: bytes) -> None:
        self._bodies = [content] if _is_one(content) else content.splitlines()

    async def __aiter__(self) -> AsyncIterator[LineDelivery]:
        """Yield them in their order; blank lines are none."""
        for body in self._bodies:
            if body.strip() or len(self._bodies) == 1:
                yield LineDelivery(body)


class PrintedAnswers:
    """Prints answers; `failed` counts those that failed."""

    def __init__(self) -> None:
        self.failed = 0

    async def publish(self, answer: Answer) -> None:
        """Print one answer as a line of JSON."""
        self.failed += not answer.published
        typer.echo(answer.to_json())


async def _answer(source: RequestLines, sink: PrintedAnswers, gate: PersonaGate) -> None:
    try:
        await attend(source, sink, gate)
    finally:
        await gate.close()


def _name_and_version(persona: str | None) -> tuple[str | None, str | None]:
    """Return the parts of `Archon@1.0`; without a version, of all versions."""
    if persona is None or "@" not in persona:
        return persona, None
    name, _, version = persona.rpartition("@")
    return name, version


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise EvaluationError(f"{file} cannot be read: {error.strerror}") from error


def _is_one(content: bytes) -> bool:
    """Say whether `content` is one document, if a broken one, and not one a line."""
    return _is_json(content) or not any(
        line.lstrip().startswith(b"{") and _is_json(line) for line in content.splitlines()
    )


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def _store(settings: PersonaSettings) -> Iterator[GateStore]:
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def _local(settings: PersonaSettings) -> SearchSystem:
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    return LocalSystem(settings)


def _cells(row: GateRow) -> list[str]:
    verdict = {True: "passed", False: "FAILED", None: ""}[row.passed]
    value = "" if row.value is None else f"{row.value:.4f} [{row.low:.4f}, {row.high:.4f}]"
    limit = "" if row.threshold is None else f"{row.threshold:g}"
    title = f"{row.name}@{row.version}"
    named = [title, row.dataset_id, row.suite, row.metric, row.rule]
    return [*named, limit, value, verdict, row.run_id]
