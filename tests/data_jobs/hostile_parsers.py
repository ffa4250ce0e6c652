"""Parse functions that do to their process what damaged files do."""

import ctypes
import math
import os
import pathlib
import signal
import subprocess
import time

from data_jobs.errors import EmptyDocumentError, IngestError, SetAsideError
from data_jobs.parse.base import Attachment, Block, ParsedDocument, ParseLimits

Parsed = tuple[str, ParsedDocument]


class UnpicklableError(IngestError):
    """An error that cannot be built from its message."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


def obey(path: pathlib.Path, limits: ParseLimits) -> Parsed:
    """Do what the file says."""
    order, _, argument = path.read_text().partition(" ")
    if order == "slow":
        if not limits.slow:
            raise SetAsideError("takes long")
        order, _, argument = argument.partition(" ")
    return _ORDERS[order](path, argument)


def _say(path: pathlib.Path, argument: str) -> Parsed:
    blocks = (Block(argument), Block(str(os.getpid())))
    attachment = Attachment("a.bin", b"\x00\xff" * 300_000)
    return "text/plain", ParsedDocument(path.name, blocks, 1, {"n": 1}, (attachment,), (2,))


def _attach(path: pathlib.Path, argument: str) -> Parsed:
    """Bring along a file of one line for each word."""
    words = argument.replace("+", " ").split("/")
    attachments = tuple(Attachment(f"{n}.txt", word.encode()) for n, word in enumerate(words))
    return "text/plain", ParsedDocument(path.name, (Block("all"),), attachments=attachments)


def _steal(path: pathlib.Path, argument: str) -> Parsed:
    """Name a file that is not in the scratch folder."""
    attachments = (Attachment("stolen.txt", path=argument),)
    return "text/plain", ParsedDocument(path.name, (Block("all"),), attachments=attachments)


def _print(path: pathlib.Path, argument: str) -> Parsed:
    print("noise on standard output", flush=True)
    os.write(1, b"more noise\n")
    return _say(path, argument)


def _segfault(_path: pathlib.Path, _argument: str) -> Parsed:
    ctypes.string_at(0)
    raise AssertionError


def _sleep(_path: pathlib.Path, _argument: str) -> Parsed:
    time.sleep(600)
    raise AssertionError


def _spin(path: pathlib.Path, argument: str) -> Parsed:
    subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
    path.with_suffix(".pid").write_text(str(os.getpid()))
    while True:
        pass


def _allocate(_path: pathlib.Path, _argument: str) -> Parsed:
    hoard = []
    while True:
        hoard.append(bytes(50_000_000))


def _exit(_path: pathlib.Path, argument: str) -> Parsed:
    os._exit(int(argument))


def _kill(path: pathlib.Path, argument: str) -> Parsed:
    """Die by SIGKILL as often as the argument says, then succeed."""
    deaths = path.with_suffix(".deaths")
    count = len(deaths.read_text()) if deaths.exists() else 0
    if count < int(argument):
        deaths.write_text("x" * (count + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return _say(path, "survived")


def _fail(_path: pathlib.Path, argument: str) -> Parsed:
    raise {"empty": EmptyDocumentError("no text"), "odd": UnpicklableError(1, 2)}.get(
        argument, ValueError(argument)
    )


def _nan(path: pathlib.Path, _argument: str) -> Parsed:
    return "text/plain", ParsedDocument(path.name, (Block("text"),), metadata={"n": math.nan})


def _forge(_path: pathlib.Path, _argument: str) -> Parsed:
    return os.system  # type: ignore[return-value]


_ORDERS = {
    "say": _say,
    "attach": _attach,
    "steal": _steal,
    "print": _print,
    "segfault": _segfault,
    "sleep": _sleep,
    "spin": _spin,
    "allocate": _allocate,
    "exit": _exit,
    "kill": _kill,
    "fail": _fail,
    "forge": _forge,
    "nan": _nan,
}
