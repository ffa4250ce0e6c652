"""Parsing in a process that may die, so that no file takes the job along.

A process of our own instead of a pool of `multiprocessing`: those import the main
module again, which inside Ray is Ray's own worker, and outlive a killed parent.
"""

import contextlib
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from data_jobs.errors import IngestError, LimitExceededError, ParserCrashedError, SandboxError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.sandbox.frames import DeadlineError, read_frame, write_frame

PARSE_FILE = "data_jobs.parse.registry:parse_file"
_START_SECONDS = 120.0
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


class Sandbox:
    """Parses files one after the other in a child process; for one thread.

    The child serves up to `documents` files. It is replaced when a file crashed
    it, hung it, or used up its memory.
    """

    def __init__(
        self, limits: ParseLimits, documents: int = 1_000, function: str = PARSE_FILE
    ) -> None:
        self._limits = limits
        self._documents = documents
        self._function = function
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child else None

    def parse(self, path: Path) -> tuple[str, ParsedDocument]:
        """Return the media type and the text of the file at `path`.

        Raises the `IngestError` of the parser, `LimitExceededError` when it took too
        long or too much, `ParserCrashedError` when it died, and `SandboxError` when
        no process can be started.
        """
        answer = self._ask(path)
        if answer is None:
            # Killed from outside, which may have had nothing to do with the file.
            answer = self._ask(path) or ParserCrashedError(_sentence(-signal.SIGKILL))
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, path: Path) -> tuple[str, ParsedDocument] | IngestError | None:
        """Have one file parsed; None when somebody killed the child."""
        child = self._ready_child(path)
        assert child.stdout
        try:
            answer = read_frame(child.stdout.fileno(), self._limits.seconds)
        except DeadlineError:
            self.close()
            return LimitExceededError(f"parsing took longer than {self._limits.seconds:g} s")
        except (EOFError, pickle.UnpicklingError) as error:
            return self._death(child, error)
        self._served += 1
        if isinstance(answer, LimitExceededError) or self._served >= self._documents:
            self.close()
        return answer  # type: ignore[return-value]
