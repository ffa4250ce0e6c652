"""Reading rows of the chunks table as the dense index needs them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.corpus.vector_column import vector_field
from retrieval.dense.holding import EVERYTHING, Holding, Share
from retrieval.dense.segment import Addresses, Keys

_ROWS = 8_192
_READ_AHEAD = 2
_READ_BYTES = 64 * 2**20
_HEX_DIGITS = 16
_FRAGMENT_BITS = 32
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one namespace: where they stand and what they hold."""

    addresses: Addresses
    keys: Keys

    @classmethod
    def concatenate(cls, parts: Sequence["Rows"]) -> "Rows":
        """Return the rows of all `parts`, one after the other."""
        addresses = np.concatenate([part.addresses for part in parts])
        return cls(addresses, np.concatenate([part.keys for part in parts]))

    def take(self, chosen: slice | NDArray[np.int64]) -> "Rows":
        """Return the rows numbered by `chosen`."""
        return Rows(self.addresses[chosen], self.keys[chosen])


def addresses_of(fragment: lance.LanceFragment) -> slice:
    """Return the range of the addresses that rows of `fragment` have."""
    first = int(fragment.fragment_id) << _FRAGMENT_BITS
    return slice(first, first + (1 << _FRAGMENT_BITS))


def file_key(fragment: lance.LanceFragment) -> str:
    """Return what names the content of `fragment`, deletions apart, for ever."""
    # File names are unique, fragment numbers are not after a rewrite.
    return "/".join(file.path for file in fragment.data_files())


def read_rows(
    fragment: lance.LanceFragment, holding: Holding = EVERYTHING
) -> Iterator[tuple[str, Rows, Vectors]]:
    """Yield namespace, rows and vectors, some thousand rows at a time.

    Where `holding` is without vectors, they have no numbers: shape (len(rows), 0).
    """
    if not holding.vectors:
        for name, rows in read_keys(fragment, holding):
            yield name, rows, _none(len(rows.addresses))
        return
    vector = vector_field(fragment.schema).name
    for batch in _batches(fragment, [*_key_columns(holding), vector]):
        vectors = batch[vector].flatten().to_numpy().reshape(batch.num_rows, -1)
        for name, rows, mine in _by_namespace(batch, holding.share):
            yield name, rows, vectors[mine]


def read_keys(
    fragment: lance.LanceFragment, holding: Holding = EVERYTHING
) -> Iterator[tuple[str, Rows]]:
    """Yield namespace and rows, without the vectors."""
    for batch in _batches(fragment, _key_columns(holding)):
        for name, rows, _ in _by_namespace(batch, holding.share):
            yield name, rows


def read_vectors(
    dataset: lance.LanceDataset, addresses: Addresses, holding: Holding = EVERYTHING
) -> Vectors:
    """Return the vectors of the rows at `addresses`, in their order."""
    if not holding.vectors:
        return _none(len(addresses))
    vector = vector_field(dataset.schema).name
    table = dataset._take_rows(addresses.tolist(), columns=[vector])
    flat = table[vector].combine_chunks().flatten().to_numpy()
    return np.asarray(flat, np.float32).reshape(len(addresses), -1)


def live_addresses(fragment: lance.LanceFragment) -> Addresses:
    """Return the addresses of the rows of `fragment` that have not been deleted."""
    table = fragment.scanner(columns=[], with_row_address=True).to_table()
    return np.asarray(table["_rowaddr"].to_numpy(), dtype=np.int64)


def _batches(fragment: lance.LanceFragment, columns: list[str]) -> Iterator[pa.RecordBatch]:
    scanner = fragment.scanner(
        columns=columns,
        with_row_address=True,
        batch_size=_ROWS,
        batch_readahead=_READ_AHEAD,
        io_buffer_size=_READ_BYTES,
    )
    yield from scanner.to_batches()


def _key_columns(holding: Holding) -> list[str]:
    return ["namespace", "content_hash", *(["chunk_id"] if holding.share else [])]


def _none(count: int) -> Vectors:
    return np.empty((count, 0), np.float32)


def _by_namespace(
    batch: pa.RecordBatch, share: Share | None
) -> Iterator[tuple[str, Rows, NDArray[np.bool_]]]:
    namespaces = batch["namespace"].dictionary_encode()
    codes = namespaces.indices.to_numpy(zero_copy_only=False)
    addresses = batch["_rowaddr"].to_numpy().astype(np.int64)
    keys = _keys(batch["content_hash"])
    owned = None if share is None else share.owns(batch["namespace"], batch["chunk_id"])
    for code, name in enumerate(namespaces.dictionary.to_pylist()):
        mine = codes == code if owned is None else (codes == code) & owned
        if mine.any():
            yield name, Rows(addresses[mine], keys[mine]), mine


def _keys(hashes: pa.StringArray) -> Keys:
    """Return the first 64 bits of each hexadecimal hash, 0 where there is none."""
    keys = np.zeros(len(hashes), np.uint64)
    fit = pc.fill_null(pc.equal(pc.binary_length(hashes), 64), False)
    heads = pc.utf8_slice_codeunits(hashes.filter(fit), 0, _HEX_DIGITS)
    digits = np.frombuffer(b"".join(heads.cast(pa.binary()).to_pylist()), np.uint8)
    nibbles = _NIBBLES[digits].reshape(-1, _HEX_DIGITS)
    found = ((nibbles[:, ::2] << 4) | nibbles[:, 1::2]).copy().view(">u8").ravel()
    found = np.where((nibbles == 255).any(axis=1), 0, found)
    keys[fit.to_numpy(zero_copy_only=False)] = found
    return keys
