"""The queue of Meilisearch, which takes writes at once and carries them out later, in order."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retrieval.errors import EngineError

if TYPE_CHECKING:
    from meilisearch_python_sdk import Client
    from meilisearch_python_sdk.models.task import TaskInfo, TaskResult

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.5
# So many batches may wait to be indexed; Meilisearch takes waiting ones up together.
_MOST_WAITING = 32
_WRITES = ["documentAdditionOrUpdate", "documentDeletion"]


class Tasks:
    """What was sent to the index `uid`; use it from one thread, inside `telling`."""

    def __init__(
        self, client: "Client", uid: str, timeout_s: float, stopped: threading.Event | None = None
    ) -> None:
        self._client = client
        self._stopped = stopped or threading.Event()
        self._uid = uid
        self._timeout_s = timeout_s
        self._waiting: list[int] = []
        self._sent: set[int] = set()

    def newest(self) -> int:
        """Return the number of the last write to the index by anybody, -1 where there is none."""
        found = self._writes(1)
        return found[0].uid if found else -1

    def busy(self) -> bool:
        """Say whether something waits to be done to the index, or is being done."""
        statuses = ["enqueued", "processing"]
        found = self._client.get_tasks(index_ids=[self._uid], statuses=statuses, limit=1)
        return bool(found.results)

    def others_wrote(self, since: int) -> bool:
        """Say whether writes that are not of this object came in after the one named `since`."""
        found = self._writes(len(self._sent) + 1)
        return any(task.uid > since and task.uid not in self._sent for task in found)

    def send(self, task: "TaskInfo") -> None:
        """Remember a task that was taken; waits where many are not done yet."""
        self._waiting.append(task.task_uid)
        self._sent.add(task.task_uid)
        if len(self._waiting) >= _MOST_WAITING:
            self.finish()

    def finish(self) -> None:
        """Wait until all is done; `EngineError` for what failed, or takes too long."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._wait(waiting)
        for task in self._of(waiting, ["failed", "canceled"]):
            fault: dict[str, Any] = task.error or {}
            raise EngineError(
                f"meilisearch: {task.task_type} {task.status}: "
                f"{fault.get('code')}: {fault.get('message')}"[:300]
            )

    def _wait(self, numbers: Sequence[int]) -> None:
        pause, deadline = _FIRST_PAUSE_S, time.monotonic() + self._timeout_s
        while self._of(numbers, ["enqueued", "processing"]):
            if time.monotonic() > deadline:
                raise EngineError(
                    f"meilisearch: has not indexed what was written within {self._timeout_s:g} s; "
                    "see PMOVES_MEILISEARCH__TASK_TIMEOUT_S"
                )
            if self._stopped.wait(pause):
                raise EngineError("meilisearch: stopped before all was indexed; nothing is lost")
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _of(self, numbers: Sequence[int], statuses: list[str]) -> "list[TaskResult]":
        return self._client.get_tasks(uids=list(numbers), statuses=statuses, limit=1).results

    def _writes(self, most: int) -> "list[TaskResult]":
        return self._client.get_tasks(index_ids=[self._uid], types=_WRITES, limit=most).results
