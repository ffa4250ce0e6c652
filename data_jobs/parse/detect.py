"""The media type of a file, told from its content."""

import re
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.decode import decode_text
from data_jobs.parse.detect_binary import (
    OLE_MAGIC,
    detect_by_signature,
    detect_known,
    detect_ole,
)
from data_jobs.parse.detect_recording import detect_recording
from data_jobs.parse.detect_text import detect_text

SAMPLE = 65_536
_LARGEST_INDEX = 5_000_000
_OFFICE = re.compile(
    rb"(wordprocessingml|ms-word|presentationml|ms-powerpoint|spreadsheetml|ms-excel)"
    rb"\.(?!sheet\.binary)[\w.]+\.main\+xml"
)
_OFFICE_TYPES = {
    b"wordprocessingml": media_types.DOCX,
    b"ms-word": media_types.DOCX,
    b"presentationml": media_types.PPTX,
    b"ms-powerpoint": media_types.PPTX,
    b"spreadsheetml": media_types.XLSX,
    b"ms-excel": media_types.XLSX,
}
_OFFICE_FOLDERS = {
    b"word/": media_types.DOCX,
    b"ppt/": media_types.PPTX,
    b"xl/": media_types.XLSX,
    media_types.EPUB.encode(): media_types.EPUB,
}
_CONTROL = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def detect_media_type(path: Path) -> str:
    """Return the media type of the file at `path`.

    The content decides; the extension only breaks ties between kinds of plain
    text. Unknown binary data is ``application/octet-stream``. Raises `OSError`.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if head.startswith(b"PK\x03\x04"):
        return _detect_zip(path, head)
    if head.startswith(OLE_MAGIC):
        return detect_ole(path)
    if (known := detect_known(head)) is not None:
        return known
    # The mark of UTF-16 looks like the start of MPEG audio.
    if not head.startswith(_MARKS) and (recording := detect_recording(head)):
        return recording
    if (at := head[:1024].find(b"%PDF-")) == 0:
        return media_types.PDF
    text = _text(head)
    if at > 0 and (text is None or not head[:at].strip()):
        return media_types.PDF
    if text is None:
        return detect_by_signature(head)
    return detect_text(text, complete=len(head) < SAMPLE, extension=path.suffix.lower())


def _detect_zip(path: Path, head: bytes) -> str:
    try:
        with ZipFile(path) as archive:
            return _detect_entries(archive)
    except (BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        # Cut off or damaged: what it was decides who tells of the damage.
        found = (name for mark, name in _OFFICE_FOLDERS.items() if mark in head)
        return next(found, media_types.ZIP)


def _detect_entries(archive: ZipFile) -> str:
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    if sizes.get("mimetype", _LARGEST_INDEX) < 256:
        # EPUB and OpenDocument say what they are.
        return archive.read("mimetype").decode("ascii", "replace").strip().lower()
    if sizes.get("[Content_Types].xml", _LARGEST_INDEX) < _LARGEST_INDEX:
        office = _OFFICE.search(archive.read("[Content_Types].xml"))
        return _OFFICE_TYPES[office[1]] if office else media_types.ZIP
    return media_types.ZIP


def _text(head: bytes) -> str | None:
    """The sample as text, or None if it is binary."""
    marked = head.startswith(_MARKS)
    if not marked and not _is_wide(head) and len(_CONTROL.findall(head)) > 0.01 * len(head):
        return None
    try:
        return decode_text(head)
    except UnreadableFileError:
        return None


def _is_wide(head: bytes) -> bool:
    """Whether every other byte is mostly NUL, as in UTF-16 of Western text."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    return max(even, odd) > 0.3 * (len(head) / 2) and min(even, odd) < 0.01 * len(head)
