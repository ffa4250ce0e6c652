"""Vectors of another model, kept beside the corpus until it switches to them.

Plain files that only grow: one row a content in each. What a process that was ended has
left half is cut off by the next.
"""

import os
import shutil
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrieval.chunk import Vectors
from retrieval.errors import CorpusError
from retrieval.identity import EmbeddingIdentity

_HASH_BYTES = 64
_FLOAT_BYTES = 4


class StagedVectors:
    """Files in `folder` that lead from the content hash of chunks to vectors of `identity`.

    What an earlier run stored for the same model is taken up; for another one it is removed.
    For one process at a time.
    """

    def __init__(self, folder: Path, identity: EmbeddingIdentity) -> None:
        self.identity = identity
        self._folder = folder
        self._record = folder / "identity.json"
        if not self._belongs():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._record.write_text(identity.model_dump_json(), "utf-8")
        self._cut_half_rows()
        self.read()

    def __len__(self) -> int:
        """The number of vectors."""
        return len(self._hashes)

    def missing(self, dataset: lance.LanceDataset) -> pa.Table:
        """Return one row (`content_hash`, `address`) a content that has no vector here yet."""
        rows = dataset.scanner(columns=["content_hash"], with_row_address=True).to_table()
        hashes = rows["content_hash"].cast(self._hashes.type)
        unknown = pc.invert(pc.is_in(hashes, value_set=self._hashes))
        each = rows.filter(unknown).group_by("content_hash").aggregate([("_rowaddr", "min")])
        found = pa.table({"content_hash": each["content_hash"], "address": each["_rowaddr_min"]})
        return found.sort_by("address")

    def add(self, hashes: list[str], vectors: Vectors) -> None:
        """Store `vectors`, shape (len(hashes), dimension), in the order of `hashes`.

        They count from the next `read` on.
        """
        # The hashes come last: a row counts when it is in both files.
        _append(self._vectors_path, np.ascontiguousarray(vectors, np.float32).tobytes())
        _append(self._hashes_path, "".join(hashes).encode("ascii"))

    def vectors(self, hashes: pa.Array) -> Vectors:
        """Return the vectors of `hashes`, in their order; `CorpusError` if one is not here."""
        positions = pc.index_in(hashes.cast(self._hashes.type), value_set=self._hashes)
        if positions.null_count:
            raise CorpusError(f"{positions.null_count} chunks have no new vector yet; try again")
        return np.asarray(self._vectors[positions.to_numpy()])

    def read(self) -> None:
        """Take notice of what has been added."""
        data = self._hashes_path.read_bytes()
        rows = len(data) // _HASH_BYTES
        offsets = np.arange(rows + 1, dtype=np.int64) * _HASH_BYTES
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        self._hashes = pa.Array.from_buffers(pa.large_string(), rows, buffers)
        shape = (rows, self.identity.dimension)
        self._vectors: Vectors = (
            np.memmap(self._vectors_path, np.float32, "r", shape=shape)
            if rows
            else np.empty(shape, np.float32)
        )

    @property
    def _hashes_path(self) -> Path:
        return self._folder / "hashes"

    @property
    def _vectors_path(self) -> Path:
        return self._folder / "vectors"

    @property
    def _row_bytes(self) -> int:
        return _FLOAT_BYTES * self.identity.dimension

    def _belongs(self) -> bool:
        try:
            return self._record.read_text("utf-8") == self.identity.model_dump_json()
        except (OSError, ValueError):
            return False

    def _cut_half_rows(self) -> None:
        sizes = ((self._hashes_path, _HASH_BYTES), (self._vectors_path, self._row_bytes))
        for path, _ in sizes:
            path.touch()
        rows = min(path.stat().st_size // size for path, size in sizes)
        for path, size in sizes:
            os.truncate(path, rows * size)


def as_column(vectors: Vectors) -> pa.FixedSizeListArray:
    """Return `vectors`, shape (n, dimension), as an Arrow array."""
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
