"""`pmoves compact`, `backup` and `restore`."""

from typing import Annotated

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, say


def compact(as_json: AsJson = False) -> None:
    """Join small files and merge parts of the indexes; searches go on meanwhile."""
    from retrieval.corpus.store import Corpus

    corpus = Corpus.open_existing(settings().corpus_uri)
    before = corpus.version
    done = corpus.optimize()
    if as_json:
        print_json({"uri": corpus.uri, "before": before, "version": corpus.version, "done": done})
    elif not done:
        say(f"{corpus.uri} is being compacted by another process already")
    else:
        say(f"compacted {corpus.uri}: version {before} → {corpus.version}")


Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="A new or empty folder, or s3://bucket/prefix.")
]
Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="What `backup` made: a folder, or s3://bucket/prefix."),
]


def backup(target: Target, as_json: AsJson = False) -> None:
    """Copy the corpus and the state database; the mesh goes on meanwhile."""
    from cluster.backup import back_up

    loaded = settings()
    made = back_up(loaded, target)
    if as_json:
        print_json(made)
        return
    say(f"backed up {loaded.corpus_uri} at version {made.index_version} to {target}")
    if not made.state:
        say("no state database was copied: there is none, or it is not SQLite")
    if made.gates_in:
        say(
            f"the gates of personas are in Supabase at {made.gates_in} and were not copied: "
            "back them up there"
        )


def restore(source: Source, as_json: AsJson = False) -> None:
    """Put a backup where the settings say; nothing that is there is overwritten."""
    from cluster.backup import restore as put_back

    loaded = settings()
    made = put_back(loaded, source)
    if as_json:
        print_json(made)
        return
    say(f"restored the backup of {made.created_at:%F %T} UTC to {loaded.corpus_uri}")
    if made.gates_in:
        say(f"without the gates of personas, which were in Supabase at {made.gates_in}")
