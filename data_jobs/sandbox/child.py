"""The process that parses: takes paths from its input, sends documents back.

Started by `data_jobs.sandbox.sandbox` with the parse function as `module:name`.
It bounds its own memory and time, and ends when its parent is gone.
"""

import contextlib
import importlib
import os
import resource
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from data_jobs.errors import IngestError, LimitExceededError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.sandbox.frames import read_frame, write_frame

ParseFunction = Callable[[Path, ParseLimits], tuple[str, ParsedDocument]]
Answer = tuple[str, ParsedDocument] | IngestError

_PAGE = resource.getpagesize()
# The parent keeps the time; this only ends a child that nobody watches any more.
_SPARE_SECONDS = 30
_NICENESS = 10


def main(function: str) -> None:
    """Serve requests until the parent closes the pipe."""
    answers = _take_over_output()
    _settle_in()
    parse = load_function(function)
    write_frame(answers, "ready")
    while (request := _next_request()) is not None:
        path, limits = request
        write_frame(answers, answer(parse, Path(os.fsdecode(path)), limits))


def load_function(name: str) -> ParseFunction:
    """Return the function behind `module:name`."""
    module, _, attribute = name.partition(":")
    return cast(ParseFunction, getattr(importlib.import_module(module), attribute))


def answer(parse: ParseFunction, path: Path, limits: ParseLimits) -> Answer:
    """Parse one file within its limits; every failure becomes an ingest error."""
    try:
        _limit(limits)
        return parse(path, limits)
    except IngestError as error:
        return _portable(error)
    except MemoryError:
        return LimitExceededError(
            f"parsing needs more than {limits.memory_bytes / 2**20:,.0f} MiB of memory"
        )
    except Exception as error:
        return UnreadableFileError(f"the file is damaged: {type(error).__name__}: {error}"[:500])
    finally:
        _set_limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)


def _portable(error: IngestError) -> IngestError:
    """Return `error` as one of the classes that the parent knows."""
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == IngestError.__module__)
    return cast(IngestError, known(str(error)))


def _take_over_output() -> BinaryIO:
    """Keep standard output for answers; whatever libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _settle_in() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _set_limit(resource.RLIMIT_CORE, 0)
    # Searches and the model go first when cores are scarce.
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        # When memory runs out, this process goes before the job.
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with_parent() -> None:
    poll = select.poll()
    poll.register(0, 0)
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def _next_request() -> tuple[bytes, ParseLimits] | None:
    try:
        return cast(tuple[bytes, ParseLimits], read_frame(0, None))
    except EOFError:
        return None


def _limit(limits: ParseLimits) -> None:
    _set_limit(resource.RLIMIT_FSIZE, limits.max_expanded_bytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Each thread uses up the time of a processor.
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    seconds = used.ru_utime + used.ru_stime + threads * limits.seconds + _SPARE_SECONDS
    _set_limit(resource.RLIMIT_CPU, int(seconds))
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set_limit(resource.RLIMIT_AS, pages * _PAGE + limits.memory_bytes)


def _set_limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (value > hard or value == resource.RLIM_INFINITY):
        value = hard
    resource.setrlimit(kind, (value, hard))
