"""Zip containers (Office, EPUB) opened under limits."""

import zlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from data_jobs.errors import LimitExceededError, UnreadableFileError
from data_jobs.parse.base import ParseLimits

MOST_ENTRIES = 50_000
# What is no larger may be as empty as it likes: a sheet of equal cells packs well.
HARMLESS_BYTES = 64 * 2**20
_ENCRYPTED = 0x1


def open_archive(path: Path, limits: ParseLimits, *, any_method: bool = False) -> ZipFile:
    """Open a zip file whose entries may be unpacked within `limits`.

    Entries are packed as Office files are, with `any_method` as archives may be.

    `zipfile` hands out no more bytes of an entry than it declares, so that the
    declared sizes bound what is really unpacked; an entry that lies is damaged.
    """
    try:
        archive = ZipFile(path)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFileError(f"The zip container is damaged: {error}") from error
    try:
        _check(archive, limits, any_method)
    except Exception:
        archive.close()
        raise
    return archive


def check_archive(path: Path, limits: ParseLimits) -> None:
    """Raise unless the zip file at `path` may be unpacked within `limits`."""
    open_archive(path, limits).close()


def read_entry(archive: ZipFile, name: str) -> bytes:
    """Return one entry; `KeyError` if there is none of that name."""
    try:
        return archive.read(name)
    except (BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise UnreadableFileError(f"The part {name!r} of the file is damaged: {error}") from error


def _check(archive: ZipFile, limits: ParseLimits, any_method: bool) -> None:
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise LimitExceededError(
            f"The container has {len(entries)} entries; the limit is {MOST_ENTRIES}."
        )
    size = sum(entry.file_size for entry in entries)
    if size > limits.max_expanded_bytes:
        raise LimitExceededError(
            f"The container would unpack to {size} bytes; the limit is "
            f"{limits.max_expanded_bytes}. It may be a zip bomb; if not, raise the limit."
        )
    packed, ratio = sum(entry.compress_size for entry in entries), limits.options.archives.max_ratio
    if size > max(HARMLESS_BYTES, packed * ratio):
        raise LimitExceededError(
            f"The container would unpack to {size} bytes, {ratio:g} times its size or more. It "
            "may be a zip bomb; if not, raise PMOVES_INGEST__ARCHIVES__MAX_RATIO."
        )
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise UnreadableFileError("The container is encrypted. Save it without a password.")
        if not any_method and entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UnreadableFileError(
                f"The part {entry.filename!r} is packed with a method that is not allowed "
                "in this kind of file."
            )
