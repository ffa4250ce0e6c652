"""Exact searches on a GPU, where FAISS was built for one; written by its documents, never run.

Whole stores are compared on the GPU. Filters, deletions in large number and single rows stay
with the CPU, where the vectors are kept as well.
"""

import logging
import threading
from typing import Any
from weakref import WeakKeyDictionary

import faiss

from retrieval.chunk import Vectors
from retrieval.dense.segment import Addresses, Segment, Store

_LOG = logging.getLogger(__name__)
# FAISS selects no more on a GPU.
_MOST = 2_048
_DEVICE = 0


class Gpu:
    """The stores of a process on its first GPU, copied there by their first search."""

    def __init__(self) -> None:
        made: Any = faiss
        self._resources = made.StandardGpuResources()
        # The resources of FAISS may not be used by two threads at a time.
        self._lock = threading.Lock()
        self._indexes: WeakKeyDictionary[Store, Any] = WeakKeyDictionary()

    def search(self, segment: Segment, query: Vectors, k: int) -> tuple[Addresses, Vectors]:
        """Return addresses and inner products of the best rows of `segment`, at most `k`."""
        store = segment.store
        # FAISS leaves no rows out on a GPU, so those that are not alive are found as well.
        depth = min(k + len(store) - len(segment), len(store))
        if store.clusters is not None or depth > _MOST:
            return segment.search(query, k)
        with self._lock:
            scores, rows = self._index(store).search(query[None, :], depth)
        alive = segment.mask[rows[0]]
        return segment.addresses[rows[0][alive][:k]], scores[0][alive][:k]

    def _index(self, store: Store) -> Any:
        if (index := self._indexes.get(store)) is None:
            made: Any = faiss
            index = made.index_cpu_to_gpu(self._resources, _DEVICE, store.index)
            self._indexes[store] = index
        return index


def open_gpu(wanted: bool) -> Gpu | None:
    """Return the GPU if it is `wanted`; None, with a warning, where FAISS sees none."""
    if not wanted:
        return None
    if not faiss.get_num_gpus():
        _LOG.warning(
            "dense.gpu: this FAISS sees no GPU, so the CPU is used; install faiss-gpu instead of "
            "faiss-cpu on machines with one, and give the shard a GPU by serve.shard_gpus"
        )
        return None
    return Gpu()
