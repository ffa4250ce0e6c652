"""Answers on disk as they come, so that an interrupted evaluation goes on where it was."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import BaseModel, Field, ValidationError

from eval.errors import EvaluationError
from retrieval.query import Explanation, Mode


class StoredHit(BaseModel):
    """One document of an answer, at its best passage; `explain` where it was asked for."""

    doc_id: str
    score: float
    explain: Explanation | None = None


class StoredAnswer(BaseModel):
    """The answer to one query in one mode; `seconds` as the caller saw them.

    `corrections` has the words of the query that were read as others.
    """

    mode: Mode
    query_id: str
    seconds: float
    degraded: list[str] = Field(default_factory=list)
    corrections: dict[str, str] = Field(default_factory=dict)
    hits: list[StoredHit] = Field(default_factory=list)


class Journal:
    """A file of answers, one a line, behind a line that says what they answer.

    Opening it reads the answers that are there. A last line that was cut off by
    the end of a process is dropped. While another process is at it, the same
    evaluation begins anew in a file beside it. Raises `EvaluationError` where the file
    belongs to another evaluation, or holds something else.
    """

    def __init__(self, file: Path, fingerprint: str) -> None:
        self._held: int | None = None
        self._answers: dict[tuple[Mode, str], StoredAnswer] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file, self._held = _claimed(file)
        whole = self._read(fingerprint)
        self._out: IO[bytes] = self.file.open("r+b" if whole else "wb")
        self._out.seek(whole)
        self._out.truncate()
        if not whole:
            self._write(json.dumps({"fingerprint": fingerprint}))

    def find(self, mode: Mode, query_id: str) -> StoredAnswer | None:
        """Return the stored answer, or None where it is still to be asked for."""
        return self._answers.get((mode, query_id))

    def add(self, answer: StoredAnswer) -> None:
        """Store one answer; it is on disk when this returns, if the machine lives."""
        self._answers[answer.mode, answer.query_id] = answer
        self._write(answer.model_dump_json(exclude_none=True))

    def __len__(self) -> int:
        return len(self._answers)

    def close(self, *, hold: bool = False) -> None:
        """Close the file; it stays where it is, and with `hold` nobody else takes it meanwhile."""
        self._out.close()
        if not hold:
            self._release()

    def discard(self) -> None:
        """Close the file and remove it."""
        self.file.unlink()
        self.close()

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def __del__(self) -> None:
        self._release()

    def _write(self, line: str) -> None:
        self._out.write(line.encode() + b"\n")
        self._out.flush()

    def _read(self, fingerprint: str) -> int:
        """Take in the whole lines; return how many bytes they have."""
        lines = list(self._whole_lines())
        if not lines:
            return 0
        self._require(fingerprint, lines[0])
        for number, line in enumerate(lines[1:], start=2):
            try:
                answer = StoredAnswer.model_validate_json(line)
            except ValidationError as error:
                raise EvaluationError(
                    f"{self.file}:{number}: no stored answer; delete the file to begin again"
                ) from error
            self._answers[answer.mode, answer.query_id] = answer
        return sum(map(len, lines))

    def _whole_lines(self) -> Iterator[bytes]:
        with self.file.open("rb") as lines:
            yield from (line for line in lines if line.endswith(b"\n"))

    def _require(self, fingerprint: str, line: bytes) -> None:
        if line != json.dumps({"fingerprint": fingerprint}).encode() + b"\n":
            raise EvaluationError(
                f"{self.file} belongs to another evaluation; give another --out, or delete it"
            )


def _claimed(file: Path) -> tuple[Path, int]:
    """Return `file`, or one beside it where it is taken, and what keeps others off it."""
    while True:
        held = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(held, file):
                return file, held
        except BlockingIOError:
            file = file.with_stem(f"{file.stem}-{uuid.uuid4().hex[:8]}")
        os.close(held)


def _is_at(held: int, file: Path) -> bool:
    """Say whether `file` is still what was opened: whoever had it may have moved it away."""
    try:
        return os.path.samestat(os.fstat(held), file.stat())
    except FileNotFoundError:
        return False
