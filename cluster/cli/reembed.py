"""`pmoves reembed`."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson, settings
from cluster.cli.output import err, print_json, remark, say

if TYPE_CHECKING:
    from cluster.mesh.state import MeshState
    from cluster.settings import Settings
    from retrieval.identity import EmbeddingIdentity
    from retrieval.reembedding import OnProgress, Progress, Reembedded

_LINE_SECONDS = 2.0
_RESTART = (
    "the mesh of this home still embeds questions with the model before, and so finds passages "
    "by their words only; restart it with these settings: `pmoves down`, then `pmoves up`"
)
_CHANGED = (
    "the mesh of this home embeds with the new model now; keep these settings for its next start"
)


def reembed(as_json: AsJson = False) -> None:
    """Bring the corpus to the embedding model of the settings; the old vectors serve meanwhile.

    A mesh of this home that runs changes to the model too.
    """
    from cluster.mesh.lifecycle import interruptible

    loaded = settings()
    try:
        with interruptible():
            made = _run(loaded)
    except KeyboardInterrupt as error:
        remark("stopped; the corpus is as it was, and the same command goes on from there")
        raise typer.Exit(FAILURE) from error
    if as_json:
        print_json(_as_json(loaded, made))
    else:
        say(_headline(loaded, made))
    _change_the_mesh(loaded, made.before != made.after)


def _change_the_mesh(loaded: "Settings", changed: bool) -> None:
    """Let the mesh of this home, if one runs, change to the model of the corpus."""
    from cluster.access.choose import running_mesh
    from cluster.errors import ClientError, MeshError
    from cluster.mesh.model_change import change_model

    if (state := running_mesh(loaded)) is None:
        return
    try:
        # A run that ended between the corpus and the mesh is finished by the next.
        if changed or not _embeds(state):
            change_model(loaded, state, err())
            remark(_CHANGED)
    except (ClientError, MeshError) as error:
        remark(f"{error}\n{_RESTART}")


def _embeds(state: "MeshState") -> bool:
    """Say whether the mesh embeds, and with the model of its corpus."""
    from cluster.access.http import HttpAccess

    with closing(HttpAccess(state.url)) as access:
        return all(part.ok for part in access.readiness().parts if part.name == "embedder")


def _run(loaded: "Settings") -> "Reembedded":
    from retrieval.embedding.model import embedding_identity
    from retrieval.embedding.opening import load_embedder
    from retrieval.ids import content_hash
    from retrieval.reembedding import reembed

    # Two corpora in one home have a run each.
    folder = loaded.cache_dir / f"reembed-{content_hash(loaded.corpus_uri)[:12]}"
    with _shown() as on_progress:
        return reembed(
            loaded.corpus_uri,
            embedding_identity(loaded.embedding),
            lambda: load_embedder(loaded.embedding),
            folder,
            on_progress,
        )


@contextmanager
def _shown() -> "Iterator[OnProgress]":
    """Yield what shows progress: a bar on a terminal, lines anywhere else."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = err()
    if not console.is_terminal:
        yield _Lines()
        return
    text = TextColumn("{task.description}", markup=False)
    with Bar(
        text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda progress: bar.update(
            task, description=progress.doing, completed=progress.done, total=progress.total
        )


class _Lines:
    """Prints a line when something else is done, and every two seconds otherwise."""

    def __init__(self) -> None:
        self._doing = ""
        self._started = self._written = time.monotonic()

    def __call__(self, progress: "Progress") -> None:
        """Say how far the run is."""
        now = time.monotonic()
        if progress.doing != self._doing or now - self._written >= _LINE_SECONDS:
            self._doing, self._written = progress.doing, now
            share = f"{progress.done} of {progress.total} passages"
            remark(f"{now - self._started:7.1f} s  {progress.doing}: {share}")


def _as_json(loaded: "Settings", made: "Reembedded") -> dict[str, object]:
    return {
        "uri": loaded.corpus_uri,
        "before": made.before.model_dump(mode="json"),
        "after": made.after.model_dump(mode="json"),
        "embedded": made.embedded,
        "index_version": made.version,
    }


def _headline(loaded: "Settings", made: "Reembedded") -> str:
    if made.before == made.after:
        return f"{loaded.corpus_uri} has the vectors of {made.after.model!r} already"
    models = f"{_name(made.before)} → {_name(made.after)}"
    return (
        f"re-embedded {loaded.corpus_uri}: {models}, "
        f"{made.embedded} passages embedded, index version {made.version}"
    )


def _name(identity: "EmbeddingIdentity") -> str:
    prefixes = [
        f"{what} prefix {prefix!r}"
        for what, prefix in (
            ("query", identity.query_prefix),
            ("passage", identity.passage_prefix),
        )
        if prefix
    ]
    return ", ".join([f"{identity.model} ({identity.dimension} dimensions)", *prefixes])
