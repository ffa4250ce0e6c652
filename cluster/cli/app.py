"""All commands in one place; each imports what it needs when it runs."""

from typing import Annotated

import typer

from cluster.cli.answer import answer
from cluster.cli.chaos import chaos
from cluster.cli.config import config_app
from cluster.cli.doctor import doctor
from cluster.cli.documents import namespaces
from cluster.cli.entities import entities_app
from cluster.cli.evaluation import add_evaluation
from cluster.cli.events import events_app
from cluster.cli.group import Commands
from cluster.cli.ingest import ingest
from cluster.cli.jobs import jobs_app
from cluster.cli.keys import keys_app
from cluster.cli.maintenance import backup, compact, restore
from cluster.cli.mesh import down, env, status, up
from cluster.cli.migrations import migrations
from cluster.cli.output import say
from cluster.cli.plan import plan
from cluster.cli.quarantine import documents_app
from cluster.cli.rebuild import rebuild
from cluster.cli.reembed import reembed
from cluster.cli.schedules import schedules_app
from cluster.cli.search import search
from cluster.cli.soak import soak
from cluster.cli.tiers import node, tiers

app = typer.Typer(
    cls=Commands,
    name="pmoves",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Search over your own documents: bring up the mesh, ingest, ask.",
)

for command in (up, down, status, ingest, search, answer, namespaces, doctor, env, tiers, node):
    app.command()(command)
for upkeep in (compact, reembed, rebuild, backup, restore, migrations, chaos, soak, plan):
    app.command()(upkeep)
app.add_typer(documents_app, name="documents")
app.add_typer(entities_app, name="entities")
app.add_typer(jobs_app, name="jobs")
app.add_typer(schedules_app, name="schedules")
app.add_typer(events_app, name="events")
app.add_typer(config_app, name="config")
app.add_typer(keys_app, name="keys")
add_evaluation(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(version("pmoves-mesh"))
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Search over your own documents: bring up the mesh, ingest, ask."""
