"""Parsing in a process that may die, so that no file takes the job along.

A process of our own instead of a pool of `multiprocessing`: those import the main
module again, which inside Ray is Ray's own worker, and outlive a killed parent.
"""

import contextlib
import json
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from data_jobs.errors import (
    IngestError,
    LimitExceededError,
    ParserCrashedError,
    SandboxError,
    StoppedError,
)
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.sandbox.child import Answer
from data_jobs.sandbox.frames import DeadlineError, read_frame, write_frame
from retrieval.closing import Closing

PARSE_FILE = "data_jobs.parse.registry:parse_file"
_BOOTSTRAP = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from data_jobs.sandbox.child import main; main(sys.argv[2])"
)
_START_SECONDS = 120.0
_DYING_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_TRIES = 3
# A fifth of a parser's time went into giving memory back after a file and asking for it again.
_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(32 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20)}
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


class Sandbox(Closing):
    """Parses files one after the other in a child process; for one thread.

    The child serves up to `documents` files. It is replaced when a file crashed
    it, hung it, or used up its memory. `environment` is added to that of the child.
    """

    def __init__(
        self,
        limits: ParseLimits,
        documents: int = 1_000,
        function: str = PARSE_FILE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._documents = documents
        self._function = function
        self._environment = dict(environment or {})
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child else None

    def parse(
        self,
        path: Path,
        limits: ParseLimits | None = None,
        scratch: Path | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> tuple[str, ParsedDocument]:
        """Return the media type and the text of the file at `path`.

        `limits` hold for this file in place of the usual ones. What parsing writes
        goes to `scratch`. Once `stopping` says so, the child is ended. Raises the
        `IngestError` of the parser, `LimitExceededError` when it took too long or too
        much, `ParserCrashedError` when it died, `StoppedError` when the job is to end,
        and `SandboxError` when no process can be started.
        """
        limits = replace(limits or self._limits, scratch=str(scratch) if scratch else None)
        answer = self._ask(path, limits, stopping)
        if answer is None:
            # Killed from outside, which may have had nothing to do with the file.
            answer = self._ask(path, limits, stopping) or ParserCrashedError(
                _sentence(-signal.SIGKILL)
            )
        if isinstance(answer, IngestError):
            raise answer
        return answer

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _ask(self, path: Path, limits: ParseLimits, stopping: Callable[[], bool]) -> Answer | None:
        """Have one file parsed; None when somebody killed the child."""
        child = self._send((os.fsencode(path), limits))
        try:
            left = self._wait(_answers(child), limits.seconds, stopping)
            answer = cast(Answer, read_frame(_answers(child), left))
        except DeadlineError:
            self.close()
            return LimitExceededError(f"parsing took longer than {limits.seconds:g} s")
        except (EOFError, pickle.UnpicklingError):
            code = self._end(child)
            return None if code == -signal.SIGKILL else ParserCrashedError(_sentence(code))
        self._served += 1
        if isinstance(answer, LimitExceededError) or self._served >= self._documents:
            self.close()
        return answer

    def _wait(self, descriptor: int, seconds: float, stopping: Callable[[], bool]) -> float:
        """Return the seconds that are left when an answer begins to come."""
        deadline = time.monotonic() + seconds
        while not select.select([descriptor], [], [], _LOOK_SECONDS)[0]:
            if stopping():
                self.close()
                raise StoppedError
            if time.monotonic() > deadline:
                raise DeadlineError
        return max(deadline - time.monotonic(), _LOOK_SECONDS)

    def _send(self, request: tuple[bytes, ParseLimits]) -> subprocess.Popen[bytes]:
        """Give the request to a living child."""
        for _ in range(_TRIES):
            child = self._child or self._start()
            try:
                write_frame(cast(BinaryIO, child.stdin), request)
            except BrokenPipeError:
                self.close()
            else:
                return child
        raise SandboxError("parser processes are killed before they can begin")

    def _start(self) -> subprocess.Popen[bytes]:
        """Return a new child that waits for requests; one killed meanwhile is replaced."""
        code: int | None = -signal.SIGKILL
        for _ in range(_TRIES):
            child = self._spawn()
            try:
                read_frame(_answers(child), _START_SECONDS)
            except (DeadlineError, EOFError, pickle.UnpicklingError):
                code = self._end(child)
                if code != -signal.SIGKILL:
                    break
            else:
                return child
        raise SandboxError(
            f"the parser process does not start (exit code {code}); its messages are in the "
            "log of the worker"
        )

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._served = 0
        self._child = subprocess.Popen(
            [sys.executable, "-c", _BOOTSTRAP, json.dumps(_module_path()), self._function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(os.environ) | self._environment,
            start_new_session=True,
        )
        return self._child

    def _end(self, child: subprocess.Popen[bytes]) -> int | None:
        """Wait a little for a dying child; return its exit code, None if it had to be killed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_DYING_SECONDS)
        code = child.poll()
        self.close()
        return code


def _answers(child: subprocess.Popen[bytes]) -> int:
    return cast(BinaryIO, child.stdout).fileno()


def _module_path() -> list[str]:
    """Return where this process finds its modules, without relative entries."""
    return [os.path.abspath(entry) for entry in sys.path]


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: one thread, no secrets."""
    kept = {name: value for name, value in environ.items() if not _SECRET.search(name)}
    return _KEPT_MEMORY | kept | {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}


def _sentence(code: int | None) -> str:
    """Say how a child with that exit code died."""
    if code == -signal.SIGKILL:
        return "the parser was killed twice on this file, most likely because memory ran out"
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"the parser crashed on this file ({name}); the file is damaged or hostile"
    return f"the parser ended on this file without an answer (exit code {code})"
