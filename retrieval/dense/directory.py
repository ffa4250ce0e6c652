"""Where the rows of a corpus stand, without their vectors: what a gateway over shards holds."""

from collections import deque

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import REMEMBERED, DenseFollower, age
from retrieval.dense.holding import Holding
from retrieval.dense.snapshot import Snapshot
from retrieval.dense.tiers import Sizes

# Rows without vectors are never put into clusters.
_ANY = 2**48


class Directory(DenseFollower):
    """Follows the corpus as `DenseFollower` does; its `snapshot` is the newest published one.

    About 24 bytes a row. Whoever knows that the shards hold a version publishes it.
    """

    def __init__(self, corpus: Corpus) -> None:
        super().__init__(corpus, Sizes(_ANY, _ANY), None, Holding(vectors=False))
        self._published: Snapshot | None = None
        self._waits: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def snapshot(self) -> Snapshot:
        """The newest version published; before the first, what the corpus holds."""
        return self._published or self.refresh()

    @property
    def version(self) -> int:
        """The published version, 0 before the first."""
        return self._published.version if self._published else 0

    def publish(self, snapshot: Snapshot) -> None:
        """Let searches see `snapshot`, which is not older than the one before."""
        if self._published is not None and snapshot.version > self._published.version:
            self._waits.append(age(snapshot))
        self._published = snapshot

    def delays(self) -> list[float]:
        """Return, and forget, the seconds from commit to search of the versions since published."""
        return [self._waits.popleft() for _ in range(len(self._waits))]
