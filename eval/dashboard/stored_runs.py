"""The runs that lie in the folder of evaluations, and those there that cannot be read."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eval.errors import EvaluationError
from eval.report import REPORT_FILE, EvaluationReport, load_report
from eval.stored import RUN_FILE, StoredRun, load_run

# Reading more would keep searches in the same process waiting.
MOST_BYTES = 64 * 2**20
_Stamp = tuple[int, int]


class UnknownRunError(EvaluationError):
    """There is no stored run of that name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored run without its queries; `name` is its folder below that of all runs."""

    name: str
    created_at: datetime
    report: EvaluationReport

    @property
    def judged(self) -> bool:
        """Whether it was held against thresholds."""
        return any(suite.checks for suite in self.report.suites)


@dataclass(frozen=True, slots=True)
class Fault:
    """A folder of a run that cannot be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """All runs, the newest first, and the folders that are none by some fault."""

    entries: list[Entry]
    faults: list[Fault]


class StoredRuns:
    """The runs below `folder`, as `<folder>/<time>/<collection>`.

    Reports are kept until their file changes. Not safe for several threads at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[_Stamp, Entry]] = {}

    def list(self) -> Listing:
        """Return what is there now."""
        entries, faults = [], []
        for path in self._paths():
            name = f"{path.parent.name}/{path.name}"
            try:
                entries.append(self._entry(name, path))
            except EvaluationError as error:
                # Paths of the machine are nothing for a web page.
                faults.append(Fault(name, str(error).replace(f"{path}/", "")))
        entries.sort(key=lambda entry: (entry.created_at, entry.name), reverse=True)
        kept = {entry.name for entry in entries}
        self._read = {name: found for name, found in self._read.items() if name in kept}
        return Listing(entries, sorted(faults, key=lambda fault: fault.name))

    def load(self, name: str) -> tuple[Entry, StoredRun]:
        """Return the run `name` with all its queries.

        Raises `UnknownRunError` where there is none, and `EvaluationError` for one
        that cannot be read, or is too large to be read here.
        """
        listing = self.list()
        for fault in listing.faults:
            if fault.name == name:
                raise EvaluationError(f"{name} cannot be read: {fault.reason}")
        for entry in listing.entries:
            if entry.name == name:
                return entry, self._run(name)
        raise UnknownRunError(f"there is no run {name!r}")

    def _paths(self) -> Iterator[Path]:
        """Yield every folder that holds a run, or a part of one."""
        found = {
            path.parent
            for file in (REPORT_FILE, RUN_FILE)
            for path in self._folder.glob(f"*/*/{file}")
        }
        yield from sorted(found)

    def _entry(self, name: str, path: Path) -> Entry:
        try:
            _require_whole(path / RUN_FILE)
            about = (path / REPORT_FILE).stat()
        except OSError as error:
            raise EvaluationError(f"{error.filename} cannot be read: {error.strerror}") from error
        stamp = about.st_mtime_ns, about.st_size
        known = self._read.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        report = load_report(path)
        created = report.created_at or datetime.fromtimestamp(about.st_mtime, UTC)
        entry = Entry(name, created, report)
        self._read[name] = stamp, entry
        return entry

    def _run(self, name: str) -> StoredRun:
        file = self._folder / name / RUN_FILE
        if file.stat().st_size > MOST_BYTES:
            raise EvaluationError(
                f"{name} has more than {MOST_BYTES // 2**20} MiB of queries, which is too much to "
                "be shown here; open its report.html instead"
            )
        try:
            return load_run(file)
        except EvaluationError as error:
            raise EvaluationError(str(error).replace(str(file), f"{name}/{RUN_FILE}")) from error


def _require_whole(file: Path) -> None:
    """Raise `EvaluationError` where the end of the file is missing."""
    with file.open("rb") as data:
        data.seek(0, os.SEEK_END)
        data.seek(max(0, data.tell() - 2))
        if not data.read().endswith(b"}\n"):
            raise EvaluationError(f"{RUN_FILE} is not whole; evaluate again")
