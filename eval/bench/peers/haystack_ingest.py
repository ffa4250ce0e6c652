"""unstructured and Haystack as a process that ingests the folders that it is told."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eval.bench.parts import Ingested
from eval.bench.peers.hayhooks_api import RUNNERS
from eval.bench.peers.processes import log_end, peer_process
from eval.errors import EvaluationError

NAME = "unstructured + Haystack"


class HaystackIngestion:
    """A running process with all libraries and the model loaded."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ingest(self, folder: Path, embed: bool) -> Ingested:
        """Ingest every file of `folder` into a store of its own."""
        return Ingested(**self._ask(json.dumps({"folder": str(folder), "embed": embed})))

    def wait_until_ready(self) -> None:
        """Return once it takes folders."""
        self._answer()

    def _ask(self, line: str) -> dict[str, int]:
        assert self._process.stdin is not None
        try:
            print(line, file=self._process.stdin, flush=True)
        except OSError as error:
            raise self._ended() from error
        return self._answer()

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        found: dict[str, int] = json.loads(line)
        return found

    def _ended(self) -> EvaluationError:
        return EvaluationError(f"{NAME} ended; the end of {self._log}:\n{log_end(self._log)}")


@contextmanager
def haystack_ingestion(python: Path, folder: Path, model: Path) -> Iterator[HaystackIngestion]:
    """Run it with the interpreter `python`; its log goes into `folder`."""
    log = folder.absolute() / "haystack-ingest.log"
    command = [str(python), str(RUNNERS / "ingest.py"), str(model)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with peer_process(command, log, {}, **pipes) as process:
        ingestion = HaystackIngestion(process, log)
        ingestion.wait_until_ready()
        yield ingestion
