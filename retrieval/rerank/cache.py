"""Scores that are known already."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

Key = bytes


class ScoreCache:
    """The scores that were asked for last, at most `entries` of them; safe from any thread.

    A score belongs to a model, a query and the content of a passage: whatever of them
    changes, it is computed anew.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._scores: OrderedDict[Key, float] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[Key]) -> dict[Key, float]:
        """Return the known ones of `keys`."""
        with self._lock:
            found = {key: self._scores[key] for key in keys if key in self._scores}
            for key in found:
                self._scores.move_to_end(key)
        return found

    def add(self, scores: Mapping[Key, float]) -> None:
        """Keep `scores`, and forget what was asked for longest ago."""
        with self._lock:
            for key, score in scores.items():
                self._scores[key] = score
                self._scores.move_to_end(key)
            while len(self._scores) > self._entries:
                self._scores.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._scores.clear()

    def __len__(self) -> int:
        return len(self._scores)


def score_key(model: str, query: str, content_hash: str) -> Key:
    """Return the key of a passage's score; `content_hash` is that of the chunk."""
    parts = (part.encode("utf-8", "surrogatepass") for part in (model, query, content_hash))
    digest = blake2b(digest_size=16)
    for part in parts:
        # Framed by lengths: no two different triples make the same bytes.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
