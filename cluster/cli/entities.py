"""`pmoves entities`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, Limit, Namespace, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from retrieval.corpus.entities import EntityTable
    from retrieval.corpus.store import Corpus
    from retrieval.graph.dictionary import Dictionary
    from retrieval.graph.dictionary_rows import DictionaryRow

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
    from_neo4j: Annotated[
        bool,
        typer.Option("--neo4j", help="Take the nodes (:Entity {value, type}) of your Neo4j."),
    ] = False,
    relations: Annotated[
        bool,
        typer.Option(help="Look through the stored passages for what they say of these names."),
    ] = True,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Merge a dictionary into the entities of a namespace; searches use it within a second."""
    from cluster.errors import UsageError
    from retrieval.graph.curation import merge_rows
    from retrieval.graph.dictionary_rows import example_path, read_rows

    if (file is not None) + example + from_neo4j != 1:
        raise UsageError("name a FILE, --example or --neo4j, and only one of them")
    corpus, name = _corpus(namespace)
    rows = _rows_of_neo4j() if from_neo4j else read_rows(file or example_path())
    changed, total = merge_rows(corpus.entities, name, rows)
    found = _extract(corpus, name) if relations and changed else 0
    if as_json:
        answer = {"rows": len(rows), "changed": changed, "entities": total, "relations": found}
        print_json(answer)
        return
    say(f"{len(rows)} rows read, {changed} entities changed, {total} in all")
    if found:
        say(f"{found} relations changed")


@entities_app.command("extract")
def extract(namespace: Namespace = None, as_json: AsJson = False) -> None:
    """Look through all passages of a namespace for relations, as after a change of names."""
    corpus, name = _corpus(namespace)
    changed = _extract(corpus, name)
    if as_json:
        print_json({"changed": changed})
    else:
        say(f"{changed} relations changed")


@entities_app.command("relations")
def list_relations(
    entity: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only those of this name or alias.")
    ] = None,
    typed: Annotated[
        bool, typer.Option("--typed", help="Leave out names that only share a sentence.")
    ] = False,
    namespace: Namespace = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what the passages of a namespace say of names, the surest first."""
    from dataclasses import asdict

    from retrieval.graph.neighbors import relations_about
    from retrieval.relation import CO_MENTION

    corpus, name = _corpus(namespace)
    found = [
        each
        for each in relations_about(corpus, name, entity)
        if not (typed and each.type == CO_MENTION)
    ]
    if as_json:
        print_json({"relations": [asdict(each) for each in found[:limit]], "total": len(found)})
        return
    rows = [
        (each.subject, each.type, each.object, f"{each.confidence:.2f}", str(each.documents))
        for each in found[:limit]
    ]
    print_table(("SUBJECT", "RELATION", "OBJECT", "CONFIDENCE", "DOCUMENTS"), rows)


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
    as_json: AsJson = False,
) -> None:
    """Give an entity another name."""
    from retrieval.entity import Alias

    _change(namespace, lambda known: known.add_alias(entity, Alias(name, source="command line")))
    _tell({"entity_id": entity, "alias": name}, f"{entity} is also {name}", as_json)


@entities_app.command("merge")
def merge(
    entity: EntityId,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The entity that goes.")],
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Give all names of OTHER to ENTITY, and remove OTHER."""
    _change(namespace, lambda known: known.merge(entity, other))
    _tell({"entity_id": entity, "merged": other}, f"{other} is now {entity}", as_json)


@entities_app.command("remove")
def remove(entity: EntityId, namespace: Namespace = None, as_json: AsJson = False) -> None:
    """Remove an entity and its names; the passages stay."""
    _change(namespace, lambda known: known.remove(entity))
    _tell({"entity_id": entity, "removed": True}, f"{entity} is removed", as_json)


def _tell(values: "dict[str, object]", text: str, as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        say(text)


def _change(namespace: str | None, change: "Callable[[Dictionary], None]") -> None:
    from retrieval.graph.curation import curate

    table, name = _table(namespace)
    curate(table, name, change)


def _extract(corpus: "Corpus", namespace: str) -> int:
    """Extract the relations of what is stored; return how many changed."""
    from retrieval.extraction.chunks import ChunkRelations
    from retrieval.extraction.stored import extract_stored

    return extract_stored(corpus, namespace, ChunkRelations(corpus.entities, settings()))


def _rows_of_neo4j() -> "list[DictionaryRow]":
    from cluster.errors import UsageError
    from retrieval.graph.neo4j.client import Neo4jClient
    from retrieval.graph.neo4j.foreign import read_entities

    loaded = settings().neo4j
    if not loaded.url:
        raise UsageError("say where Neo4j is, with PMOVES_NEO4J__URL")
    with Neo4jClient(loaded) as client:
        return read_entities(client, loaded.dict_limit)


def _table(namespace: str | None) -> "tuple[EntityTable, str]":
    corpus, name = _corpus(namespace)
    return corpus.entities, name


def _corpus(namespace: str | None) -> "tuple[Corpus, str]":
    from cluster.errors import UsageError
    from retrieval.corpus.store import Corpus

    loaded = settings()
    if loaded.url:
        raise UsageError(
            "entities are changed in the corpus itself, not over HTTP; run this where the "
            "corpus of the mesh is, without PMOVES_URL"
        )
    corpus = Corpus.open_existing(loaded.corpus_uri)
    return corpus, namespace or loaded.search.namespace
