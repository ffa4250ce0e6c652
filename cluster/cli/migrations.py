"""`pmoves migrations`."""

from typing import Annotated

import typer

from cluster.cli.output import say

Since = Annotated[
    str,
    typer.Option(metavar="REVISION", help="Which tables are there; base: none of the mesh's."),
]


def migrations(since: Since = "base") -> None:
    """Print the SQL that makes the tables of the state database on PostgreSQL.

    The mesh makes them itself where PMOVES_STATE__URL names a database. This is for a
    Supabase project that is reached by its key: run it once in the project's SQL editor.
    """
    from retrieval.state.database import script

    say(script(since))
