"""`pmoves evaluate` and the like: they live in `eval`, imported when called."""

import importlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import typer
from typer.main import get_command

from cluster.cli.options import settings

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_COMMANDS = {
    "evaluate": "Measure how well labelled collections are ranked.",
    "compare": "Compare two stored evaluations, query by query.",
    "card": "Make a model card of a stored evaluation.",
    "sweep": "Try many ways of ranking, and say which gain survives.",
    "personas": "Hold personas to their gates before they are published.",
    "bench": "Measure speed, side by side with a baseline.",
}


def add_evaluation(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for name, summary in _COMMANDS.items():
        app.command(name, help=summary, context_settings=_PASSED_ON)(run)


def run(context: typer.Context) -> None:
    """Hand the rest of the command line to the command's own application."""
    name = context.info_name or ""
    application: typer.Typer = getattr(importlib.import_module("eval.cli"), f"{name}_app")
    with _parts(name) as parts, _key_given():
        code = get_command(application).main(
            args=context.args, prog_name=f"pmoves {name}", standalone_mode=False, obj=parts
        )
    if code:
        raise typer.Exit(code)


@contextmanager
def _key_given() -> Iterator[None]:
    """Hand the key on where `.env` or `pmoves.toml` holds it; `eval` reads the environment."""
    key = settings().api_key.get_secret_value()
    given = "PMOVES_API_KEY" not in os.environ and key
    if given:
        os.environ["PMOVES_API_KEY"] = key
    try:
        yield
    finally:
        if given:
            del os.environ["PMOVES_API_KEY"]


def _parts(name: str) -> AbstractContextManager[object]:
    if name == "bench":
        from cluster.benchmarks import bench_parts

        return bench_parts()
    if name in ("evaluate", "sweep", "personas"):
        from cluster.cutting import IngestCutter
        from cluster.sample_collection import sample_library
        from eval.parts import EvaluateParts

        return nullcontext(EvaluateParts(sample_library, IngestCutter()))
    return nullcontext()
