"""A monitor that all processes of a job share."""

import contextlib
import time
from collections import Counter
from typing import Any, cast

import ray
from ray.exceptions import RayError

from data_jobs.monitor import LocalMonitor, MonitorLostError, Tally

_STOP_SECONDS = 0.5
_REPORT_SECONDS = 0.25
_ANSWER_SECONDS = 60.0


class SharedMonitor:
    """A monitor in an actor; copies of this object reach it from any process.

    Reports are gathered for a moment, and sent without waiting for them to arrive.
    """

    def __init__(self) -> None:
        actor: Any = ray.remote(LocalMonitor)
        self._actor = actor.options(num_cpus=0, max_restarts=-1).remote()
        self._waiting: Counter[str] = Counter()
        self._sent = self._asked = 0.0
        self._stopping = self._paused = False

    def add(self, what: str, count: int) -> None:
        """Count documents past a stage, or passages."""
        self._waiting[what] += count
        if time.monotonic() - self._sent > _REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send what was counted."""
        if self._waiting:
            self._actor.add_all.remote(dict(self._waiting))
            self._waiting.clear()
        self._sent = time.monotonic()

    def listed(self) -> None:
        """Say that every file is listed."""
        self.flush()
        self._actor.listed.remote()

    def doing(self, what: str) -> None:
        """Say what takes time just now."""
        self._actor.doing.remote(what)

    def stopping(self) -> bool:
        """Return whether the job is to end early, as it was half a second ago at most."""
        self._look()
        return self._stopping

    def identity(self) -> str:
        """Return a name that changes when what was kept is lost."""
        return str(self._ask(self._actor.identity))

    def set_aside(self, data: bytes) -> bool:
        """Keep a pickled document for later; False when it has to be read now."""
        try:
            return bool(self._ask(self._actor.set_aside, data))
        except MonitorLostError:
            return False

    def aside(self, start: int) -> list[bytes] | None:
        """Return documents kept, from number `start` on; None when no more will come."""
        return cast(list[bytes] | None, self._ask(self._actor.aside, start))

    def paused(self) -> bool:
        """Return whether the job rests, as it was half a second ago at most."""
        self._look()
        return self._paused

    def pause(self, paused: bool) -> None:
        """Let the job rest, or go on."""
        self._ask(self._actor.pause, paused)

    def stop(self) -> None:
        """Let the job end early."""
        self._ask(self._actor.stop)

    def snapshot(self) -> Tally:
        """Return the present state; `MonitorLostError` when nobody answers."""
        return cast(Tally, self._ask(self._actor.snapshot))

    def close(self) -> None:
        """End the actor."""
        ray.kill(self._actor)

    def _look(self) -> None:
        now = time.monotonic()
        if not self._stopping and now - self._asked > _STOP_SECONDS:
            self._asked = now
            with contextlib.suppress(MonitorLostError):
                wishes = cast(tuple[bool, bool], self._ask(self._actor.wishes))
                self._stopping, self._paused = wishes

    def _ask(self, method: Any, *arguments: object) -> object:
        try:
            return ray.get(method.remote(*arguments), timeout=_ANSWER_SECONDS)
        except (RayError, TimeoutError) as error:
            raise MonitorLostError(str(error)) from error
