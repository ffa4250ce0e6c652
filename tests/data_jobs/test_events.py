"""Every change of a document is told exactly once, wherever the writer is killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_jobs.errors import UnreadableFileError
from data_jobs.sources import SourceFile
from data_jobs.stages.committing import CommitStage
from data_jobs.stages.work import Work, bundles, pack
from publishing.events.contracts import (
    DOCUMENT_QUARANTINED,
    DOCUMENT_READY,
    FILE_ADDED,
    TRANSCRIPT_READY,
)
from publishing.events.deliveries import Deliveries
from publishing.events.outbox import Outbox
from retrieval.chunk import Chunk, Locator
from retrieval.corpus.ledger import Ledger
from retrieval.corpus.store import Corpus
from retrieval.ids import content_hash, document_id
from tests.data_jobs.production import NAMESPACE, Production

HOOK = "https://a.example/"
VTT = "WEBVTT\n\n00:01.000 --> 00:04.500\nGood evening.\n\n00:05.000 --> 00:09.000\nAnd welcome.\n"
FIRST = {
    ("notes.txt", FILE_ADDED): 1,
    ("notes.txt", DOCUMENT_READY): 1,
    ("talk.vtt", FILE_ADDED): 1,
    ("talk.vtt", DOCUMENT_READY): 1,
    ("talk.vtt", TRANSCRIPT_READY): 1,
    ("broken.pdf", FILE_ADDED): 1,
    ("broken.pdf", DOCUMENT_QUARANTINED): 1,
}


class KilledError(BaseException):
    """Stands for the death of the process: nothing after it runs."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "notes.txt").write_text("Tea is at four.")
    (folder / "talk.vtt").write_text(VTT)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    return folder


def told(made: Production) -> list[dict[str, Any]]:
    """Return the envelopes of all events that are given out, as a relay would."""
    outbox = Outbox(made.settings.state_url)
    outbox.recover(made.corpus.ledger)
    deliveries = Deliveries(outbox)
    while deliveries.assign([HOOK], []):
        pass
    found: list[dict[str, Any]] = [each.envelope for each in deliveries.list(limit=10_000)]
    outbox.close()
    assert len({each["id"] for each in found}) == len(found)
    return found


def counts(made: Production) -> dict[tuple[str, str], int]:
    """Return how many events there are by file and topic."""
    return Counter(
        (each["payload"]["uri"].rpartition("/")[2], each["topic"]) for each in told(made)
    )


def test_what_events_say(tmp_path: Path, library: Path) -> None:
    made = Production(tmp_path / "home")
    made.run(library)
    events = {(e["payload"]["uri"].rpartition("/")[2], e["topic"]): e for e in told(made)}
    assert events.keys() == FIRST.keys()
    ready = events["notes.txt", DOCUMENT_READY]["payload"]
    row = made.row((library / "notes.txt").as_uri())
    assert (ready["doc_id"], ready["namespace"], ready["chunk_count"]) == (row.doc_id, NAMESPACE, 1)
    assert events["notes.txt", FILE_ADDED]["payload"]["kind"] == "document"
    error = events["broken.pdf", DOCUMENT_QUARANTINED]["payload"]["error"]
    assert (error["stage"], error["type"]) == ("parse", "UnreadableFileError")
    transcript = events["talk.vtt", TRANSCRIPT_READY]["payload"]
    assert (transcript["duration_s"], transcript["language"]) == (9.0, "und")
    assert transcript["segments"][0]["start_s"] == 1.0
    assert "Good evening." in transcript["segments"][0]["text"]


def test_only_changes_are_told(tmp_path: Path, library: Path) -> None:
    made = Production(tmp_path / "home")
    made.run(library)
    made.run(library)
    assert counts(made) == FIRST
    (library / "notes.txt").write_text("Tea is at five.")
    made.run(library)
    (library / "notes.txt").write_text("Tea is at four.")
    made.run(library)
    # Back to what it was is a change, too.
    assert counts(made) == FIRST | {("notes.txt", DOCUMENT_READY): 3}
    made.corpus.delete_document(NAMESPACE, made.row((library / "notes.txt").as_uri()).doc_id)
    made.run(library)
    again = {("notes.txt", DOCUMENT_READY): 4, ("notes.txt", FILE_ADDED): 2}
    assert counts(made) == FIRST | again


def test_nothing_is_written_where_nobody_wants_events(tmp_path: Path, library: Path) -> None:
    made = Production(tmp_path / "home", events={"record": False})
    made.run(library)
    assert told(made) == []


# `make soak` kills at the second call, too.
CALLS = [1, 2] if "PMOVES_TEST_ROUNDS" in os.environ else [1]
POINTS: list[tuple[type, str]] = [
    (Outbox, "settle"),
    (Outbox, "prepare"),
    (Corpus, "record"),
    (Corpus, "commit"),
    (Ledger, "record"),
    (Outbox, "confirm"),
]


@contextmanager
def killed_at(owner: type, name: str, *, after: bool, call: int) -> Iterator[None]:
    """Let the process die before or after one call of a method, if it comes that far."""
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise KilledError
        result = real(*arguments, **options)
        if calls == call:
            raise KilledError
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, deadly)
        try:
            yield
        except KilledError:
            return


def work(name: str, text: str) -> Work:
    """Return a document as it comes to be committed; one that is called broken is given up."""
    uri = f"file:///library/{name}"
    made = Work(SourceFile(uri, Path(name)), NAMESPACE, document_id(uri))
    made.content_hash, made.pipeline, made.media_type = content_hash(text), "p", "text/plain"
    if name.startswith("broken"):
        made.quarantine("parse", UnreadableFileError("it is broken"))
        return made
    locator = Locator(t_start=1.0, t_end=9.0) if name.endswith(".vtt") else Locator()
    made.chunks = [Chunk(NAMESPACE, made.doc_id, f"{name}-0", text, source=uri, locator=locator)]
    made.vectors = np.eye(1, 384, dtype=np.float32)
    return made


def commit(made: Production, texts: dict[str, str]) -> None:
    """Commit what has changed, as a run does."""
    works = [work(name, text) for name, text in texts.items()]
    known = made.corpus.ledger({each.key for each in works})
    changed = [
        each
        for each in works
        if each.key not in known or known[each.key].content_hash != each.content_hash
    ]
    stage = CommitStage(made.settings, made.monitor)
    for table in bundles(map(pack, changed)):
        list(stage(table))


@pytest.mark.integration
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"), POINTS, ids=lambda point: getattr(point, "__name__", point)
)
def test_a_kill_loses_and_doubles_nothing(
    tmp_path: Path, owner: type, name: str, after: bool, call: int
) -> None:
    made = Production(tmp_path)
    texts = dict.fromkeys(("notes.txt", "talk.vtt", "broken.pdf"), "Tea is at four.")
    with killed_at(owner, name, after=after, call=call):
        commit(made, texts)
    commit(made, texts)
    assert counts(made) == FIRST
    with killed_at(owner, name, after=after, call=call):
        commit(made, texts | {"notes.txt": "Tea is at five."})
    row = made.row("file:///library/notes.txt")
    happened = row.content_hash == content_hash("Tea is at five.")
    # Nobody recovers here: the next commit of the same document has to.
    commit(made, texts | {"notes.txt": "Tea is at six."})
    assert counts(made) == FIRST | {("notes.txt", DOCUMENT_READY): 3 if happened else 2}


WORKER = """
import sys
from pathlib import Path
from retrieval.ids import content_hash, document_id
from tests.data_jobs.production import Production
made = Production(Path(sys.argv[1]), ingest={"bundle_documents": 1})
print("ready", flush=True)
made.run(Path(sys.argv[2]))
"""


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_real_kills_at_random_moments(tmp_path: Path) -> None:
    """`make soak` kills more often."""
    rounds = int(os.environ.get("PMOVES_TEST_ROUNDS", "1"))
    home, library = tmp_path / "home", tmp_path / "library"
    library.mkdir()
    for number in range(40):
        (library / f"{number}.txt").write_text(f"Text number {number}.")
    command = [sys.executable, "-c", WORKER, str(home), str(library)]
    for number in range(rounds):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            time.sleep(0.4 + 1.7 * number / rounds)
            worker.send_signal(signal.SIGKILL)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = counts(Production(home))
    expected = {
        (f"{number}.txt", topic): 1
        for number in range(40)
        for topic in (FILE_ADDED, DOCUMENT_READY)
    }
    assert found == expected
