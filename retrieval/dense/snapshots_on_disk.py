"""Large segments on disk, so that a start reads files instead of the whole table.

A saved segment is a cache of vectors by the hash of their rows' content: it serves
any version of the corpus, and whatever the corpus no longer holds is left out. It
has three files: the vectors as FAISS writes them, keys and clusters as Arrow, and
a JSON description with their SHA-256, which is written last.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from weakref import WeakKeyDictionary

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from pydantic import BaseModel, ConfigDict, ValidationError

from retrieval.chunk import Vectors
from retrieval.dense.clusters import Clusters, flat_index
from retrieval.dense.segment import NO_ADDRESS, Segment, Store
from retrieval.dense.snapshot import Segments
from retrieval.identity import EmbeddingIdentity

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_LEAST_ROWS = 4_096
_NAME_DIGITS = 24


class Description(BaseModel):
    """What is said of one saved segment; `files` maps endings to SHA-256.

    `build` is the wish for a new build that it fulfils.
    """

    model_config = ConfigDict(extra="forbid")

    format: int
    identity: EmbeddingIdentity
    namespace: str
    rows: int
    budget: int | None
    files: dict[str, str]
    build: int = 0


class SnapshotFolder:
    """The saved segments of one corpus.

    Many processes may read; the first that saves keeps the folder for itself until
    it ends, and the others leave saving to it. `least_rows` is the size from which
    a segment is worth a file.
    """

    def __init__(self, folder: Path, least_rows: int = _LEAST_ROWS) -> None:
        self._folder = folder
        self._least_rows = least_rows
        self._lock: IO[bytes] | None = None
        self._closed = False
        self._closing = threading.Lock()
        self._names: WeakKeyDictionary[Store, str] = WeakKeyDictionary()

    def load(self, identity: EmbeddingIdentity, wanted: int = 0) -> dict[str, tuple[Segment, ...]]:
        """Return all segments of the model `identity` by namespace, their rows without a place.

        Those from before the build `wanted` are left out, damaged and foreign ones too, with a
        warning. Never raises.
        """
        found: dict[str, tuple[Segment, ...]] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                description = _described(path, identity)
                if description.build < wanted:
                    continue
                store = _read(path, description)
            except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
                _LOG.warning("the saved index %s is left out: %s", path, _first_line(error))
                continue
            self._names[store] = path.stem
            name = description.namespace
            found[name] = (*found.get(name, ()), _unplaced(store))
        return found

    def save(self, namespaces: Segments, identity: EmbeddingIdentity, build: int = 0) -> None:
        """Write the large segments that are not saved yet; remove what none of these needs.

        `identity` is the model of their vectors, `build` that which they belong to.

        A folder that cannot be written costs a warning only.
        """
        try:
            if self._mine():
                kept = {
                    self._save(name, segment.store, identity, build)
                    for name, segments in namespaces.items()
                    for segment in segments
                    if len(segment.store) >= self._least_rows
                }
                self._remove_all_but(kept)
        except (OSError, RuntimeError) as error:
            _LOG.warning("cannot save the index in %s: %s", self._folder, _first_line(error))

    def close(self) -> None:
        """Save no more, and let another process do so."""
        with self._closing:
            self._closed = True
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _mine(self) -> bool:
        """Say whether this process saves; the first to ask does."""
        with self._closing:
            if self._lock is None and not self._closed:
                self._lock = self._locked()
            return self._lock is not None

    def _locked(self) -> IO[bytes] | None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if not isinstance(error, BlockingIOError):
                raise
            return None
        return lock

    def _save(self, namespace: str, store: Store, identity: EmbeddingIdentity, build: int) -> str:
        if (known := self._names.get(store)) is not None:
            return known
        digest = hashlib.sha256(json.dumps([namespace, identity.model_dump(), build]).encode())
        digest.update(store.keys.tobytes())
        name = digest.hexdigest()[:_NAME_DIGITS]
        # One that is there already was left out when this process began: it is no good.
        self._write(name, namespace, store, identity, build)
        self._names[store] = name
        return name

    def _write(
        self, name: str, namespace: str, store: Store, identity: EmbeddingIdentity, build: int
    ) -> None:
        files = {}
        for ending, write in (("faiss", _write_vectors), ("arrow", _write_rows)):
            with self._replacing(f"{name}.{ending}") as path:
                write(store, path)
                files[ending] = _sha256(path)
        description = Description(
            format=_FORMAT,
            identity=identity,
            namespace=namespace,
            rows=len(store),
            budget=store.clusters.budget if store.clusters else None,
            files=files,
            build=build,
        )
        with self._replacing(f"{name}.json") as path:
            path.write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @contextlib.contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        """Give a file that takes its name only when it is whole and on disk."""
        draft = self._folder / f"{name}.draft"
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(self._folder / name)

    def _remove_all_but(self, kept: set[str]) -> None:
        for path in self._folder.glob("*.json"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)
        for path in self._folder.iterdir():
            if path.name != "lock" and path.name.split(".")[0] not in kept:
                path.unlink(missing_ok=True)


def _described(path: Path, identity: EmbeddingIdentity) -> Description:
    try:
        description = Description.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError("its description is damaged") from error
    if description.format != _FORMAT:
        raise ValueError(f"it has format {description.format}, this version reads {_FORMAT}")
    if description.identity != identity:
        raise ValueError(f"it belongs to the embedding model {description.identity.model!r}")
    return description


def _read(path: Path, description: Description) -> Store:
    for ending in ("faiss", "arrow"):
        if _sha256(path.with_suffix(f".{ending}")) != description.files.get(ending):
            raise ValueError(f"the file {path.stem}.{ending} is damaged")
    index = faiss.read_index(str(path.with_suffix(".faiss")))
    table = feather.read_table(path.with_suffix(".arrow"), memory_map=False)
    keys = table["key"].combine_chunks().to_numpy().copy()
    if not isinstance(index, faiss.IndexFlatIP) or index.d != description.identity.dimension:
        raise ValueError("the vectors are of another kind")
    if not index.ntotal == len(keys) == description.rows > 0:
        raise ValueError("the files do not belong together")
    return Store(index, keys, _read_clusters(table, description))


def _unplaced(store: Store) -> Segment:
    nowhere = np.full(len(store), NO_ADDRESS, np.int64)
    return Segment.of(store, nowhere, np.zeros(len(store), np.bool_))


def _write_vectors(store: Store, path: Path) -> None:
    faiss.write_index(store.index, str(path))


def _write_rows(store: Store, path: Path) -> None:
    metadata: Mapping[bytes, bytes] = {}
    if (clusters := store.clusters) is not None:
        metadata = {
            b"centroids": _all(clusters.centroids).tobytes(),
            b"starts": clusters.starts.tobytes(),
        }
    table = pa.table({"key": store.keys}).replace_schema_metadata(metadata)
    feather.write_feather(table, path, compression="uncompressed")


def _read_clusters(table: pa.Table, description: Description) -> Clusters | None:
    if description.budget is None:
        return None
    metadata = table.schema.metadata
    starts = np.frombuffer(metadata[b"starts"], np.int64)
    centroids = np.frombuffer(metadata[b"centroids"], np.float32)
    found = flat_index(centroids.reshape(len(starts) - 1, -1))
    return Clusters(found, starts, description.budget)


def _all(index: faiss.IndexFlatIP) -> Vectors:
    vectors: Vectors = index.reconstruct_n(0, index.ntotal)
    return vectors


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
