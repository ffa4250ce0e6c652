"""Opening, creating and writing the tables behind a corpus."""

import random
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import lance
import pyarrow as pa
from lance.commit import CommitConflictError
from lance.dataset import MergeInsertBuilder
from lance.indices import IndexConfig
from lance.lance import _Session

from retrieval.errors import CorpusError
from retrieval.object_store import storage_options

T = TypeVar("T")

# Lance's cache; its own package gives the class this name without declaring it.
Session = _Session

# An id is compared with all of its page; by default a page holds 4,096, and a commit of a
# hundred chunks took longer and longer until it met as many pages.
_PAGE_ROWS = 512
BTREE: Mapping[str, Any] = {
    "index_type": IndexConfig(index_type="btree", parameters={"zone_size": _PAGE_ROWS})
}
"""Options of an index in which ids are looked up."""
# Lance's own messages for a commit that lost a race.
_CONFLICTS = ("conflict", "concurrent", "retry limit", "too many retries")
# Cleaning up reads the tags one by one, and a backup removes its own when it is done.
_TAG_GONE = re.compile(r"not found: .*/_refs/tags/")
_ABSENT = "was not found"
_OWN_PLACE = re.compile(r", /\S+\.rs:")
_STORE_SAYS = re.compile(r"<Message>([^<]{1,300})</Message>")
_ATTEMPTS = 12
_ELSEWHERE = "set PMOVES_HOME or PMOVES_CORPUS__URI to a place that can be written"


def table_uri(uri: str, name: str) -> str:
    """Return the URI of the table `name` inside the corpus at `uri`."""
    return f"{uri.rstrip('/')}/{name}.lance"


def open_table(uri: str, session: Session | None = None) -> lance.LanceDataset:
    """Open the newest version of the table at `uri`; `CorpusError` when it cannot be read.

    Tables opened with the same `session` share what they have read.
    """
    try:
        return lance.dataset(uri, session=session, storage_options=storage_options(uri))
    except (ValueError, OSError) as error:
        raise CorpusError(f"cannot open the table {uri}: {_first_line(error)}") from error


def table_exists(uri: str) -> bool:
    """Say whether there is a readable table at `uri`.

    Raises `CorpusError` where an object store does not say so.
    """
    try:
        lance.dataset(uri, storage_options=storage_options(uri))
    except (ValueError, OSError) as error:
        if "://" in uri and _ABSENT not in str(error):
            raise CorpusError(f"cannot open the table {uri}: {_first_line(error)}") from error
        return False
    return True


def create_table(uri: str, table: pa.Table) -> lance.LanceDataset:
    """Create the table, or open the one that somebody else has just created."""
    if "://" not in uri:
        _make_folder(Path(uri).parent)
    try:
        options = storage_options(uri)
        return lance.write_dataset(table, uri, mode="create", storage_options=options)
    except (OSError, ValueError) as error:
        if table_exists(uri):
            return open_table(uri)
        raise CorpusError(
            f"cannot create the table {uri}: {_first_line(error)}; {_ELSEWHERE}"
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(
            f"cannot create the corpus folder {folder}: {error.strerror}; {_ELSEWHERE}"
        ) from error


def upsert(dataset: lance.LanceDataset, keys: list[str]) -> MergeInsertBuilder:
    """Return a merge that updates the rows known by `keys` and inserts the others."""
    builder = dataset.merge_insert(keys).when_matched_update_all().when_not_matched_insert_all()
    # Through an index, Lance does not notice that somebody else inserts the same row; and by
    # itself it would try again although the table has got other columns meanwhile.
    return builder.use_index(False).conflict_retries(0)


def create_indexes(uri: str, indexes: Mapping[str, Mapping[str, Any]]) -> None:
    """Create those of `indexes`, options by column, that the table at `uri` lacks."""
    present = {index.name for index in open_table(uri).describe_indices()}
    for column, options in indexes.items():
        if f"{column}_idx" not in present:
            write(uri, partial(_create_index, column=column, options=options))


def _create_index(dataset: lance.LanceDataset, column: str, options: Mapping[str, Any]) -> None:
    dataset.create_scalar_index(column, **options)


def write(
    uri: str,
    operation: Callable[[lance.LanceDataset], T],
    session: Session | None = None,
) -> T:
    """Run `operation` on the newest version of a table until its commit wins.

    Commits that lose against another writer are tried again on the new version,
    with growing, jittered pauses. Raises `CorpusError` when writing fails.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return operation(open_table(uri, session))
        except (OSError, ValueError, RuntimeError, CommitConflictError) as error:
            last = attempt == _ATTEMPTS - 1
            if last or not _lost_a_race(error):
                raise CorpusError(
                    f"cannot write to {uri}: {_first_line(error)}; {_outcome(uri)}, and the same "
                    "can be tried again"
                ) from error
            time.sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))
    raise AssertionError("the last attempt returns or raises")


def _outcome(uri: str) -> str:
    # The answer of an object store may have been lost, not the commit.
    return "it was stored as a whole or not at all" if "://" in uri else "nothing was stored there"


def _lost_a_race(error: Exception) -> bool:
    text = str(error).lower()
    return any(word in text for word in _CONFLICTS) or bool(_TAG_GONE.search(text))


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    lines = text.splitlines()
    # Lance ends its messages with the place in its own source.
    line = _OWN_PLACE.split(lines[0])[0][:300] if lines else type(error).__name__
    # An object store says what is wrong in its XML.
    said = _STORE_SAYS.search(text)
    return f"{line.removesuffix(': <?xml')}: {said[1]}" if said else line
