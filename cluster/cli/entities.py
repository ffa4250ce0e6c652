"""`pmoves entities`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, Limit, Namespace, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from retrieval.corpus.entities import EntityTable
    from retrieval.entity import Entity
    from retrieval.graph.dictionary import Dictionary

entities_app = typer.Typer(
    no_args_is_help=True, help="Names that searches know, and what bears them."
)

EntityId = Annotated[str, typer.Argument(metavar="ENTITY", help="The entity's id, as listed.")]
File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="A dictionary: .csv, .yaml or .yml.")
]


@entities_app.command("import")
def import_entities(
    file: File = None,
    example: Annotated[
        bool, typer.Option("--example", help="Take the dictionary that comes with pmoves.")
    ] = False,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Merge a dictionary into the entities of a namespace; searches use it within a second."""
    from cluster.errors import UsageError
    from retrieval.graph.dictionary_rows import example_path, read_rows

    if (file is None) is not example:
        raise UsageError("name a FILE, or --example, and not both")
    rows = read_rows(file or example_path())

    def add_rows(dictionary: "Dictionary") -> None:
        for row in rows:
            dictionary.add(row)

    changed, total = _change(namespace, add_rows)
    if as_json:
        print_json({"rows": len(rows), "changed": changed, "entities": total})
    else:
        say(f"{len(rows)} rows read, {changed} entities changed, {total} in all")


@entities_app.command("export")
def export(
    file: File = None,
    namespace: Namespace = None,
) -> None:
    """Write the entities of a namespace as a dictionary; without FILE as CSV to the output."""
    from retrieval.graph.dictionary_rows import format_of, rows_of, write_rows

    table, name = _table(namespace)
    text = write_rows(rows_of(table.read([name])), format_of(file) if file else "csv")
    if file is None:
        say(text.rstrip("\n"))
    else:
        file.write_text(text, "utf-8")


@entities_app.command("list")
def list_entities(namespace: Namespace = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List the entities of a namespace with their aliases, by id."""
    from dataclasses import asdict

    table, name = _table(namespace)
    found = table.read([name])
    if as_json:
        print_json({"entities": [asdict(entity) for entity in found[:limit]], "total": len(found)})
        return
    rows = [
        (
            entity.entity_id,
            entity.type,
            entity.name,
            ", ".join(alias.name for alias in entity.aliases),
        )
        for entity in found[:limit]
    ]
    print_table(("ENTITY", "TYPE", "NAME", "ALIASES"), rows)


@entities_app.command("alias")
def alias(
    entity: EntityId,
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Its other name.")],
    namespace: Namespace = None,
) -> None:
    """Give an entity another name."""
    from retrieval.entity import Alias

    _change(namespace, lambda known: known.add_alias(entity, Alias(name, source="command line")))
    say(f"{entity} is also {name}")


@entities_app.command("merge")
def merge(
    entity: EntityId,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The entity that goes.")],
    namespace: Namespace = None,
) -> None:
    """Give all names of OTHER to ENTITY, and remove OTHER."""
    _change(namespace, lambda known: known.merge(entity, other))
    say(f"{other} is now {entity}")


@entities_app.command("remove")
def remove(entity: EntityId, namespace: Namespace = None) -> None:
    """Remove an entity and its names; the passages stay."""
    _change(namespace, lambda known: known.remove(entity))
    say(f"{entity} is removed")


def _change(namespace: str | None, change: "Callable[[Dictionary], None]") -> tuple[int, int]:
    """Change the entities of a namespace; return how many changed and how many there are."""
    from retrieval.graph.dictionary import Dictionary

    table, name = _table(namespace)
    total = 0

    def changed(before: "list[Entity]") -> "list[Entity]":
        nonlocal total
        dictionary = Dictionary(name, before)
        change(dictionary)
        after = list(dictionary)
        total = len(after)
        return after

    return table.change(name, changed), total


def _table(namespace: str | None) -> "tuple[EntityTable, str]":
    from cluster.errors import UsageError
    from retrieval.corpus.store import Corpus

    loaded = settings()
    if loaded.url:
        raise UsageError(
            "entities are changed in the corpus itself, not over HTTP; run this where the "
            "corpus of the mesh is, without PMOVES_URL"
        )
    corpus = Corpus.open_existing(loaded.corpus_uri)
    return corpus.entities, namespace or loaded.search.namespace
