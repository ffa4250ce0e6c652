"""The queue of tasks: documentation, "Asynchronous operations" and "Tasks".

What was taken stands in a file of the folder, and is done once more by one that starts there.
While there is a file `disk-full` in it no documents are indexed, and while there is a file
`paused` nothing is done.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.engines.meilisearch_double.errors import ApiError, index_not_found
from tests.engines.meilisearch_double.expressions import compiled
from tests.engines.meilisearch_double.store import Store

_FINAL = ("succeeded", "failed", "canceled")
_LOOK_S = 0.05


@dataclass
class Task:
    """One task, with what it is to do."""

    uid: int
    kind: str
    index: str | None
    payload: Any
    enqueued: str
    status: str = "enqueued"
    error: dict[str, Any] | None = None
    times: dict[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return what is answered when it is taken."""
        return {
            "taskUid": self.uid,
            "indexUid": self.index,
            "status": "enqueued",
            "type": self.kind,
            "enqueuedAt": self.enqueued,
        }

    def view(self) -> dict[str, Any]:
        """Return what the API tells of it."""
        told = self.summary() | {"uid": self.uid, "status": self.status, "error": self.error}
        del told["taskUid"]
        return told | {"canceledBy": None, "details": {}, **self.times}


class Queue:
    """Takes tasks at once, and does them one after the other in a thread."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.lock = threading.RLock()
        self._store = store
        self._full, self._paused = folder / "disk-full", folder / "paused"
        self._journal = folder / "tasks.jsonl"
        self._tasks: list[Task] = []
        self._come = threading.Condition(self.lock)
        for line in self._journal.read_text().splitlines() if self._journal.exists() else ():
            self._tasks.append(Task(len(self._tasks), *json.loads(line)))
            self._do(self._tasks[-1])
        threading.Thread(target=self._run, daemon=True).start()

    def take(self, kind: str, index: str | None, payload: Any) -> dict[str, Any]:
        """Take a task, and return its summary."""
        with self._come:
            task = Task(len(self._tasks), kind, index, payload, _now())
            with self._journal.open("a") as journal:
                journal.write(json.dumps([kind, index, payload, task.enqueued]) + "\n")
            self._tasks.append(task)
            self._come.notify()
            return task.summary()

    def task(self, uid: int) -> dict[str, Any]:
        """Return one task."""
        if not 0 <= uid < len(self._tasks):
            raise ApiError("task_not_found", f"Task `{uid}` not found.")
        return self._tasks[uid].view()

    def listed(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Return the tasks that pass, the newest first."""
        tests: dict[str, Callable[[Task], object]] = {
            "uids": lambda task: task.uid,
            "indexUids": lambda task: task.index,
            "statuses": lambda task: task.status,
            "types": lambda task: task.kind,
        }
        for name in wanted.keys() - {*tests, "limit", "from"}:
            raise ApiError("bad_request", f"Unknown parameter `{name}`.")
        found = [
            task
            for task in reversed(self._tasks)
            if all(
                str(test(task)) in wanted[name].split(",")
                for name, test in tests.items()
                if name in wanted
            )
        ]
        first, limit = int(wanted.get("from", 2**31)), int(wanted.get("limit", 20))
        page = [task.view() for task in found if task.uid <= first]
        shown, rest = page[:limit], page[limit:]
        return {
            "results": shown,
            "total": len(found),
            "limit": limit,
            "from": shown[0]["uid"] if shown else None,
            "next": rest[0]["uid"] if rest else None,
        }

    def cancel(self, uids: str) -> dict[str, Any]:
        """Give up tasks that were not begun."""
        for task in self._tasks:
            if str(task.uid) in uids.split(",") and task.status not in _FINAL:
                task.status = "canceled"
        return self.take("taskCancelation", None, uids)

    def _run(self) -> None:
        while True:
            with self._come:
                if self._come.wait_for(self._waiting, _LOOK_S):
                    self._do(self._waiting()[0])

    def _waiting(self) -> list[Task]:
        if self._paused.exists():
            return []
        return [task for task in self._tasks[-1_000:] if task.status == "enqueued"]

    def _do(self, task: Task) -> None:
        task.times["startedAt"] = _now()
        try:
            self._carry_out(task)
            task.status = "succeeded"
        except ApiError as error:
            task.status, task.error = "failed", error.body
        task.times |= {"finishedAt": _now(), "duration": "PT0.001S"}

    def _carry_out(self, task: Task) -> None:
        store, uid, payload = self._store, task.index or "", task.payload
        match task.kind:
            case "indexCreation":
                store.create(uid, task.enqueued, payload)
            case "indexDeletion":
                store.index(uid)
                del store.indexes[uid]
            case "indexSwap":
                store.swap(payload)
            case "settingsUpdate":
                store.lazily(uid, task.enqueued).settings |= payload
            case "documentAdditionOrUpdate":
                self._require_space()
                store.lazily(uid, task.enqueued).put(*payload)
            case "documentDeletion":
                self._delete(uid, payload)

    def _delete(self, uid: str, wanted: Any) -> None:
        if uid not in self._store.indexes:
            raise index_not_found(uid)
        index = self._store.indexes[uid]
        if isinstance(wanted, list):
            index.remove(wanted)
            return
        known = index.settings["filterableAttributes"]
        passes = compiled(wanted["filter"], known, "invalid_document_filter")
        index.remove([name for name, document in index.documents.items() if passes(document)])

    def _require_space(self) -> None:
        if self._full.exists():
            raise ApiError("no_space_left_on_device", "There is no more space left on the device.")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
