"""Keeping the files, indexes and versions of a table few, at a cost that stays flat.

The indexes are log-structured: a commit adds a segment for its own rows and merges it
with newer segments that are no larger, up to a bound. So the segments' sizes grow
geometrically from new to old, and each row is written anew a logarithmic number of
times, whatever the size of the table. Files are joined in the same way, by `tidy` only.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast

import lance

from retrieval.chunk import utc_now
from retrieval.corpus.locking import sole_keeper, sole_writer
from retrieval.corpus.tables import Session, write
from retrieval.errors import CorpusError

_LOG = logging.getLogger(__name__)
_KEEP_VERSIONS = timedelta(minutes=10)
_COMMIT_ROWS = 4_096
# To read a row takes time in proportion to its file, and a search reads ten of any file.
_FILE_ROWS = 32_768
_NO_BOUND = 2**62


def trailing(sizes: Sequence[int], new: int = 0, most: int = _NO_BOUND) -> int:
    """Return how many of the newest parts, which come last, to merge with `new` rows.

    A part joins when it is no larger than everything newer together, and the sum
    stays within `most`.
    """
    total = new
    for count, size in enumerate(reversed(sizes)):
        if (total and size > total) or total + size > most:
            return count
        total += size
    return len(sizes)


def index_new_rows(
    uri: str, session: Session | None = None, columns: Collection[str] | None = None
) -> None:
    """Bring new rows into the indexes of a table, at a cost that the table does not raise.

    With `columns`, into those of these columns alone; `tidy` brings them into the others.
    Leaves them to whoever keeps the table up at this moment; they are found by a scan
    until then. A failure is logged, for the rows themselves are stored.
    """
    try:
        with sole_keeper(uri) as ours:
            if ours:
                write(uri, lambda dataset: _fold(dataset, _COMMIT_ROWS, columns), session)
    except CorpusError as error:
        _LOG.warning("the rows are stored, but not yet in the text index: %s", error)


def tidy(uri: str, session: Session | None = None) -> bool:
    """Merge index segments and files that are many for their size, drop old versions.

    Versions stay for ten minutes after a newer one has come, for those who read them.
    Returns False where another process is at it already.
    """
    with sole_keeper(uri) as ours:
        if ours:
            write(uri, lambda dataset: _fold(dataset, _NO_BOUND), session)
            _join_files(uri, session)
            write(uri, _drop_old_versions, session)
        return ours


def _fold(dataset: lance.LanceDataset, most: int, columns: Collection[str] | None = None) -> None:
    rows = {part.fragment_id: part.metadata.num_rows for part in dataset.get_fragments()}
    plans: dict[int, list[str]] = {}
    for index in dataset.describe_indices():
        if columns is not None and not set(columns) & set(index.field_names):
            continue
        segments = [set(segment.fragment_ids) for segment in index.segments]
        indexed = set[int]().union(*segments)
        new = sum(count for fragment, count in rows.items() if fragment not in indexed)
        sizes = [sum(rows.get(fragment, 0) for fragment in segment) for segment in segments]
        count = trailing(sizes, new, most)
        if rows.keys() - indexed or count > 1:
            plans.setdefault(count, []).append(index.name)
    for count, names in plans.items():
        dataset.optimize.optimize_indices(index_names=names, num_indices_to_merge=count)


def _join_files(uri: str, session: Session | None) -> None:
    try:
        _compact(uri, session)
    except CorpusError:
        # Writers were faster every time; now they wait.
        with sole_writer(uri):
            _compact(uri, session)


def _compact(uri: str, session: Session | None) -> None:
    def compact(dataset: lance.LanceDataset) -> None:
        dataset.optimize.compact_files(
            target_rows_per_fragment=_FILE_ROWS,
            excluded_fragment_ids=list(_large_files(dataset)),
        )

    write(uri, compact, session)


def _large_files(dataset: lance.LanceDataset) -> Iterator[int]:
    """Yield the fragments that are larger than all newer ones and have few deleted rows."""
    parts = [part.metadata for part in dataset.get_fragments()]
    for part in parts[: len(parts) - trailing([part.num_rows for part in parts])]:
        if part.num_deletions * 10 <= part.physical_rows:
            yield part.id


def _drop_old_versions(dataset: lance.LanceDataset) -> None:
    # A version's age says nothing: readers may hold the newest one until it is superseded.
    limit = utc_now() - _KEEP_VERSIONS
    old = [
        version["version"]
        for version, successor in pairwise(dataset.versions())
        if cast(datetime, successor["timestamp"]).astimezone() < limit
    ]
    if old:
        dataset.cleanup_old_versions(versions=old, error_if_tagged_old_versions=False)
