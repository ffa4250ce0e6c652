"""A parser may crash, hang, hoard or babble: the sandbox says so and goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from data_jobs.errors import (
    EmptyDocumentError,
    IngestError,
    LimitExceededError,
    ParserCrashedError,
    SandboxError,
    UnreadableFileError,
)
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.integration

LIMITS = ParseLimits(seconds=60, memory_bytes=256 * 2**20)
OBEY = "tests.data_jobs.hostile_parsers:obey"
Ask = Callable[[str], ParsedDocument]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, function=OBEY) as sandbox:
        yield sandbox


@pytest.fixture
def ask(sandbox: Sandbox, tmp_path: Path) -> Ask:
    return lambda order: parse(sandbox, tmp_path, order)


def parse(sandbox: Sandbox, folder: Path, order: str) -> ParsedDocument:
    path = folder / "order 映.txt"
    path.write_text(order)
    media_type, document = sandbox.parse(path)
    assert media_type == "text/plain"
    return document


def test_a_document_comes_back_whole(ask: Ask) -> None:
    document = ask("say hello")
    assert document.blocks[0].text == "hello"
    assert document.title == "order 映.txt"
    assert document.attachments[0].data == b"\x00\xff" * 300_000
    assert (document.metadata, document.needs_ocr) == ({"n": 1}, (2,))


def test_what_parsers_print_does_no_harm(ask: Ask) -> None:
    assert ask("print hello").blocks[0].text == "hello"


def test_the_child_serves_many_files(ask: Ask, sandbox: Sandbox) -> None:
    assert ask("say 1").blocks[1] == ask("say 2").blocks[1]
    assert ask("say 3").blocks[1].text == str(sandbox.pid)


@pytest.mark.parametrize(
    ("order", "error", "sentence"),
    [
        ("segfault", ParserCrashedError, r"crashed on this file \(SIGSEGV\)"),
        ("exit 3", ParserCrashedError, r"without an answer \(exit code 3\)"),
        ("kill 2", ParserCrashedError, "killed twice"),
        ("allocate", LimitExceededError, "more than 256 MiB of memory"),
        ("fail empty", EmptyDocumentError, "no text"),
        ("fail broken zip", UnreadableFileError, "damaged: ValueError: broken zip"),
        ("fail odd", IngestError, "1 2"),
        ("forge", ParserCrashedError, "without an answer"),
    ],
)
def test_every_failure_has_its_sentence_and_the_next_file_is_parsed(
    ask: Ask, order: str, error: type[IngestError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        ask(order)
    assert ask("say hello").blocks[0].text == "hello"


def test_a_file_that_hangs_is_given_up_with_all_its_processes(tmp_path: Path) -> None:
    with Sandbox(ParseLimits(seconds=2), function=OBEY) as sandbox:
        with pytest.raises(LimitExceededError, match="longer than 2 s"):
            parse(sandbox, tmp_path, "spin")
        group = int((tmp_path / "order 映.pid").read_text())
        assert ended(group)
        with pytest.raises(LimitExceededError, match="longer than 2 s"):
            parse(sandbox, tmp_path, "sleep")
        assert parse(sandbox, tmp_path, "say hello").blocks[0].text == "hello"


def ended(group: int, seconds: float = 10) -> bool:
    """Wait until no process of `group` runs; a kill takes effect in its own time."""
    deadline = time.monotonic() + seconds
    while members(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not members(group)


def members(group: int) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group:
                found.append(process.pid)
    return found


def test_a_child_killed_from_outside_costs_nothing(ask: Ask, sandbox: Sandbox) -> None:
    assert ask("kill 1").blocks[0].text == "survived"
    assert sandbox.pid is not None
    os.kill(sandbox.pid, signal.SIGKILL)
    assert ask("say hello").blocks[0].text == "hello"


def test_a_child_killed_while_it_starts_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(LIMITS, function=OBEY) as sandbox:
        spawn, killed, most = sandbox._spawn, list[int](), 2

        def spawn_and_kill() -> "subprocess.Popen[bytes]":
            child = spawn()
            if len(killed) < most:
                child.kill()
                killed.append(child.pid)
            return child

        monkeypatch.setattr(sandbox, "_spawn", spawn_and_kill)
        assert parse(sandbox, tmp_path, "say hello").blocks[0].text == "hello"
        assert len(killed) == 2
        sandbox.close()
        most = 100
        with pytest.raises(SandboxError, match="exit code -9"):
            parse(sandbox, tmp_path, "say hello")


def test_the_child_is_renewed_after_some_files(tmp_path: Path) -> None:
    with Sandbox(LIMITS, documents=2, function=OBEY) as sandbox:
        served = [parse(sandbox, tmp_path, "say x").blocks[1].text for _ in range(4)]
    assert served[0] == served[1] != served[2] == served[3]


def test_a_missing_file_is_an_error_of_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="FileNotFoundError"):
        sandbox.parse(tmp_path / "gone.txt")


def test_a_sandbox_that_cannot_start_says_so(tmp_path: Path) -> None:
    with (
        Sandbox(LIMITS, function="data_jobs.nowhere:parse") as sandbox,
        pytest.raises(SandboxError, match="does not start"),
    ):
        parse(sandbox, tmp_path, "say x")


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    order = tmp_path / "order.txt"
    order.write_text("spin")
    script = (
        "from pathlib import Path; from data_jobs.parse.base import ParseLimits;"
        "from data_jobs.sandbox.sandbox import Sandbox;"
        f"Sandbox(ParseLimits(), function={OBEY!r}).parse(Path({str(order)!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    pid_file = order.with_suffix(".pid")
    while not (pid_file.exists() and pid_file.read_text()):
        assert parent.poll() is None
    child = psutil.Process(int(pid_file.read_text()))
    parent.kill()
    parent.wait()
    child.wait(timeout=60)
    assert not members(child.pid)
