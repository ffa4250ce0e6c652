"""The dense projection: follows the versions of the chunks table.

A refresh applies what is new; the large work of joining and clustering segments
is done beside it, in a thread of its own, while the old segments serve. Every
snapshot is immutable, and shares the vectors with the one before. Where the corpus says
that the index is to be built anew, that happens in the same thread, and its result takes
the place of all segments in one step.
"""

import threading
import time
from collections import deque
from datetime import datetime
from typing import cast

import faiss
import lance

from retrieval.chunk import utc_now
from retrieval.corpus.dense_build import wanted_build
from retrieval.corpus.store import Corpus
from retrieval.dense.building import Built, build
from retrieval.dense.holding import EVERYTHING, Holding
from retrieval.dense.memory import give_back_memory
from retrieval.dense.snapshot import Segments, Snapshot
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.dense.tiers import Sizes
from retrieval.dense.upkeep import Upkeep
from retrieval.dense.versions import (
    build_anew,
    first_plan,
    first_version,
    next_version,
    with_built,
)
from retrieval.errors import StaleIndexError

REMEMBERED = 1_000
_GIVE_BACK_S = 10.0

__all__ = ["DenseFollower", "Snapshot"]


class DenseFollower:
    """Keeps the newest applied `Snapshot`; readers never wait for `refresh`.

    With a `folder`, large segments are saved there and read back by the next start. Only
    the rows of `holding` are held.
    """

    def __init__(
        self,
        corpus: Corpus,
        sizes: Sizes | None = None,
        folder: SnapshotFolder | None = None,
        holding: Holding = EVERYTHING,
    ) -> None:
        self._corpus = corpus
        self._sizes = sizes or Sizes()
        self._folder = folder
        self._holding = holding
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._busy: frozenset[int] = frozenset()
        self._delays: deque[float] = deque(maxlen=REMEMBERED)
        self._current = time.monotonic()
        self._gave_back = float("-inf")
        self._upkeep = Upkeep(self._improve)
        # Searches run in threads of their own already.
        faiss.omp_set_num_threads(1)

    @property
    def snapshot(self) -> Snapshot:
        """The newest applied version; the first call loads it."""
        return self._snapshot or self.refresh()

    @property
    def version(self) -> int:
        """The applied version, 0 before the first load."""
        return self._snapshot.version if self._snapshot else 0

    @property
    def build(self) -> int:
        """The wish for a new build that the index fulfils; see `retrieval.corpus.dense_build`."""
        return self._snapshot.build if self._snapshot else 0

    def behind(self) -> bool:
        """Say whether the corpus has a newer version than the applied one."""
        if self._snapshot is None:
            return True
        dataset = self._snapshot.dataset
        return int(dataset.latest_version) != int(dataset.version)

    def delays(self) -> list[float]:
        """Return, and forget, the seconds from commit to search of the versions since applied.

        The version that a start finds does not count.
        """
        return [self._delays.popleft() for _ in range(len(self._delays))]

    def lag_seconds(self, newest: int | None) -> float:
        """Return for how many seconds searches may have lacked the version `newest`.

        0 when they see it. None stands for a corpus that cannot be asked.
        """
        if newest is not None and self.version >= newest:
            self._current = time.monotonic()
            return 0.0
        return time.monotonic() - self._current

    def refresh(self) -> Snapshot:
        """Apply the newest version of the corpus and return it."""
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None or self.behind():
                first = snapshot is None
                self._snapshot = snapshot = self._apply(snapshot, self._corpus.dataset())
                if not first:
                    self._delays.append(age(snapshot))
                self._upkeep.wake()
            elif _is_outdated(snapshot):
                # What was to build it anew has failed.
                self._upkeep.wake()
            return snapshot

    def refresh_to(self, version: int) -> Snapshot:
        """Return the snapshot of `version`, a version of the table, and apply it if it is newer.

        An older one costs what has changed since, each time. Raises `OSError` or `ValueError`
        for a version that is not there any more, `StaleIndexError` for one of another model.
        """
        with self._lock:
            snapshot = self._snapshot
            if snapshot is not None and int(snapshot.dataset.version) == version:
                return snapshot
            dataset = self._corpus.dataset().checkout_version(version)
            if snapshot is None or int(snapshot.dataset.version) < version:
                self._snapshot = snapshot = self._apply(snapshot, dataset)
                self._upkeep.wake()
                return snapshot
            identity = self._corpus.identity_at(dataset)
            if not identity.same_vectors(snapshot.identity):
                raise StaleIndexError("the corpus was re-embedded since; ask again in a moment")
            return next_version(snapshot, dataset, identity, self._sizes, self._busy)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to build or to save; False if that takes too long.

        `timeout` is in seconds. Raises whatever ended the work in the background.
        """
        return self._upkeep.settle(timeout)

    def close(self, *, wait: bool = False) -> None:
        """Begin no more work in the background, and leave saving to another process.

        With `wait`, return when the work under way has ended.
        """
        self._upkeep.close(wait=wait)
        if self._folder:
            self._folder.close()

    def _apply(self, old: Snapshot | None, dataset: lance.LanceDataset) -> Snapshot:
        identity = self._corpus.identity_at(dataset)
        if old is not None and identity.same_vectors(old.identity):
            return next_version(old, dataset, identity, self._sizes, self._busy)
        saved: Segments = {}
        if old is None and self._folder:
            saved = self._folder.load(identity, wanted_build(dataset))
        return first_version(dataset, identity, self._sizes, saved, self._holding)

    def _improve(self) -> bool:
        """Build something anew, or save what is not saved; say whether there may be more."""
        with self._lock:
            if (snapshot := self._snapshot) is None:
                return False
            name, plan = first_plan(snapshot.namespaces, self._sizes)
            outdated = _is_outdated(snapshot)
            if plan and not outdated:
                self._busy = frozenset(id(segment.store) for segment in plan.segments)
        if outdated:
            return self._rebuild()
        if plan:
            try:
                self._replace(name, build(plan.segments, plan.clustered))
            finally:
                self._busy = frozenset()
            self._gave_back = float("-inf")
            return True
        self._save(snapshot)
        return False

    def _rebuild(self) -> bool:
        """Build everything anew beside what is searched, and swap; say whether it was done."""
        made = build_anew(self._corpus, self._sizes, lambda: self._upkeep.closed, self._holding)
        if made is None:
            return False
        with self._lock:
            dataset = self._corpus.dataset()
            identity = self._corpus.identity_at(dataset)
            if identity.same_vectors(made.identity):
                self._snapshot = next_version(made, dataset, identity, self._sizes)
        self._gave_back = float("-inf")
        return True

    def _replace(self, name: str, built: Built) -> None:
        """Put the new store in the place of its sources, as the newest version sees these."""
        with self._lock:
            assert self._snapshot is not None
            # Not where the corpus was re-embedded meanwhile.
            self._snapshot = with_built(self._snapshot, name, built, self._sizes) or self._snapshot

    def _save(self, snapshot: Snapshot) -> None:
        if self._folder:
            self._folder.save(snapshot.namespaces, snapshot.identity, snapshot.build)
        if time.monotonic() - self._gave_back > _GIVE_BACK_S:
            give_back_memory()
            self._gave_back = time.monotonic()


def _is_outdated(snapshot: Snapshot) -> bool:
    return snapshot.build < wanted_build(snapshot.dataset)


def age(snapshot: Snapshot) -> float:
    """Return how many seconds ago the version of `snapshot` was committed."""
    # Lance gives local time without a zone.
    committed = cast(datetime, snapshot.dataset.get_version()["timestamp"]).astimezone()
    return max(0.0, (utc_now() - committed).total_seconds())
