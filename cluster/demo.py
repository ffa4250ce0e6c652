"""The demo: a mesh of its own, the sample library, six questions, and down again.

`python -m cluster.demo`, or `make demo`. Exit 1, naming the question, where an
expected document is not among the first three. With the argument `engines` it goes
through Elasticsearch, Neo4j, S3 and PostgreSQL, which it starts and stops.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cluster.access.http import HttpAccess
from cluster.cli.excerpt import excerpt
from cluster.cli.output import err, remark, say
from cluster.cli.search import citation, reason
from cluster.config_report import given_values, read_settings, require_usable
from cluster.errors import MeshError
from cluster.ingestion.local import ingest_on_ray
from cluster.mesh.lifecycle import ensure_down, ensure_up, interruptible
from cluster.mesh.ports import any_free_port
from cluster.settings import Settings
from data_jobs.progress import Summary
from eval.library import Question, library_files, load_questions
from retrieval.errors import PmovesError
from retrieval.jobs import JobRequest, SourceItem
from retrieval.query import Hit, SearchRequest

_TOP = 3
_EXCERPT = 160
# A machine that does something else meanwhile may take its time here.
_READY_S = "240"


def main(profile: str = "") -> int:
    """Run the demo, with the profile `engines` or the default; return the exit code."""
    if profile not in ("", "engines"):
        remark(f"the demo knows no profile {profile!r}; leave it out, or name engines")
        return 2
    try:
        with interruptible(), _home() as home, _engines(profile) as environment:
            os.environ.update(environment)
            return _run(home, with_engines=bool(profile))
    except KeyboardInterrupt:
        remark("stopped; everything is cleaned up")
        return 130
    except PmovesError as error:
        remark(f"the demo failed: {error}")
        return 1


def _run(home: Path, *, with_engines: bool) -> int:
    questions = load_questions()
    settings, given = _settings(home)
    say(f"1. Bring up a mesh in {home}: Ray, the embedding model, the gateway.")
    try:
        state, _ = ensure_up(settings, given, err())
        say(f"   ready at {state.url}, dashboard at {state.dashboard_url}")
        with closing(HttpAccess(state.url)) as access:
            version = _fill(settings, access, with_engines=with_engines)
            say(f"3. Ask {len(questions)} questions over HTTP.")
            missed = _ask_all(access, questions, version)
    finally:
        say("4. Take the mesh down.")
        ended = ensure_down(settings)
        say(f"   {ended.total} processes ended")
    return _verdict(missed, len(questions))


def _settings(home: Path) -> tuple[Settings, dict[str, str]]:
    os.environ["PMOVES_HOME"] = str(home)
    os.environ["PMOVES_HTTP__PORT"] = str(any_free_port())
    os.environ.setdefault("PMOVES_RAY__READY_S", _READY_S)
    report = read_settings()
    settings = require_usable(report)
    return settings, given_values(report, settings)


def _fill(settings: Settings, access: HttpAccess, *, with_engines: bool) -> int:
    """Ingest the library, also into the engines; return the index version that shows it."""
    if not with_engines:
        return _ingest(settings).index_version
    from cluster.demo_engines import name_entities, wait_for_engines

    name_entities(settings)
    version = _ingest(settings).index_version
    wait_for_engines(access, settings, version)
    return version


def _ingest(settings: Settings) -> Summary:
    files = sorted(library_files().iterdir())
    kinds = sorted({path.suffix.removeprefix(".") for path in files})
    say(f"2. Ingest {len(files)} documents ({', '.join(kinds)}) with Ray Data.")
    source = SourceItem(uri=library_files().as_uri())
    request = JobRequest(namespace=settings.search.namespace, sources=[source])
    summary = ingest_on_ray(settings, request, err())
    if summary.quarantined or summary.ready < len(files):
        raise MeshError(
            f"{summary.ready} of {len(files)} documents are ready, "
            f"{summary.quarantined} quarantined."
        )
    return summary


def _ask_all(access: HttpAccess, questions: list[Question], version: int) -> list[Question]:
    """Ask every question; return those whose document was not found."""
    return [question for question in questions if not _ask(access, question, version)]


def _ask(access: HttpAccess, question: Question, version: int) -> bool:
    request = SearchRequest(
        query=question.question, k=_TOP, explain=True, min_index_version=version
    )
    started = time.perf_counter()
    response = access.search(request)
    milliseconds = 1000 * (time.perf_counter() - started)
    say(f"\n   {question.question}  ({milliseconds:.0f} ms)")
    for rank, hit in enumerate(response.hits, 1):
        mark = "→" if _file_name(hit) == question.expect else " "
        say(f"   {mark} {rank}. {hit.score:.3f}  {citation(hit, _file_name(hit))}")
        say(f"        “{excerpt(hit.text, question.question, _EXCERPT)}”")
        say(f"        {reason(hit)}")
    for line in response.degraded:
        say(f"     without {line.stage}: {line.reason}")
    found = question.expect in map(_file_name, response.hits)
    if not found:
        say(f"   MISSED: {question.expect} is not among the first {_TOP}")
    return found


def _file_name(hit: Hit) -> str:
    return Path(unquote(urlsplit(hit.source.uri).path)).name


def _verdict(missed: list[Question], asked: int) -> int:
    if not missed:
        say(f"All {asked} questions were answered from the document that holds the answer.")
        return 0
    for question in missed:
        remark(f"failed: {question.question!r} did not find {question.expect}: {question.why}")
    return 1


@contextmanager
def _engines(profile: str) -> Iterator[dict[str, str]]:
    if not profile:
        yield {}
        return
    from cluster.engines.profile import engines_profile

    say("Start the engines from their packages; the first time, these are fetched.")
    with engines_profile(say) as environment:
        yield environment


@contextmanager
def _home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pmoves-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
