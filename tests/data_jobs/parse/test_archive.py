"""Zip containers that lie, lock, or grow."""

import struct
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest

from data_jobs.errors import LimitExceededError, UnreadableFileError
from data_jobs.parse import archive as module
from data_jobs.parse.archive import open_archive, read_entry
from data_jobs.parse.base import ParseLimits

LIMITS = ParseLimits(max_expanded_bytes=100_000)


def write(path: Path, size: int, method: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", method) as archive:
        archive.writestr("a.xml", b"x" * size)
    return path


def test_declared_size_is_bounded(tmp_path: Path) -> None:
    with open_archive(write(tmp_path / "ok.zip", 100_000), LIMITS) as archive:
        assert len(read_entry(archive, "a.xml")) == 100_000
    with pytest.raises(LimitExceededError, match="zip bomb"):
        open_archive(write(tmp_path / "big.zip", 100_001), LIMITS)


def test_an_office_file_may_not_unpack_to_too_many_times_its_size(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.docx", 65 * 2**20)
    with pytest.raises(LimitExceededError, match="PMOVES_INGEST__ARCHIVES__MAX_RATIO"):
        open_archive(path, ParseLimits())
    open_archive(write(tmp_path / "plain.docx", 60 * 2**20), ParseLimits()).close()


def test_entry_that_unpacks_to_more_than_it_declares(tmp_path: Path) -> None:
    path = write(tmp_path / "lie.zip", 50_000_000)
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 10)
    path.write_bytes(bytes(data))
    with open_archive(path, LIMITS) as archive, pytest.raises(UnreadableFileError, match=r"a\.xml"):
        read_entry(archive, "a.xml")


def test_rare_packing_methods_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="packed"):
        open_archive(write(tmp_path / "rare.zip", 100, ZIP_BZIP2), LIMITS)


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "locked.zip", 100)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableFileError, match="encrypted"):
        open_archive(path, LIMITS)


def test_number_of_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    path = tmp_path / "many.zip"
    with ZipFile(path, "w") as archive:
        for number in range(4):
            archive.writestr(str(number), b"")
    with pytest.raises(LimitExceededError, match="4 entries"):
        open_archive(path, LIMITS)


def test_no_zip_at_all(tmp_path: Path) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(b"PK\x03\x04 but not more")
    with pytest.raises(UnreadableFileError, match="damaged"):
        open_archive(path, LIMITS)
