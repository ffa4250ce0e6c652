"""The kind of a file that is no text, told from its first bytes or its directory."""

import mmap
from pathlib import Path

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", media_types.PNG),
    (b"\xff\xd8\xff", media_types.JPEG),
    (b"GIF87a", media_types.GIF),
    (b"GIF89a", media_types.GIF),
    (b"II*\x00", media_types.TIFF),
    (b"MM\x00*", media_types.TIFF),
    (b"II+\x00", media_types.TIFF),
    (b"MM\x00+", media_types.TIFF),
    (b"\x1f\x8b", media_types.GZIP),
    (b"BZh", media_types.BZIP2),
    (b"\xfd7zXZ\x00", media_types.XZ),
    (b"\x7fELF", media_types.EXECUTABLE),
)
# Brands of ISO base media files (ISO/IEC 14496-12) that hold pictures.
_BRANDS = {
    b"heic": media_types.HEIC,
    b"heix": media_types.HEIC,
    b"heim": media_types.HEIC,
    b"heis": media_types.HEIC,
    b"hevc": media_types.HEIC,
    b"mif1": media_types.HEIC,
    b"msf1": media_types.HEIC,
    b"avif": media_types.AVIF,
    b"avis": media_types.AVIF,
}
# Names of streams in the containers of old Office files.
_OLE_STREAMS = {
    "EncryptedPackage": media_types.ENCRYPTED,
    "__properties_version1.0": media_types.OUTLOOK_MESSAGE,
    "WordDocument": media_types.DOC,
    "PowerPoint Document": media_types.PPT,
    "Workbook": media_types.XLS,
    "Book": media_types.XLS,
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def detect_known(head: bytes) -> str | None:
    """Return the media type of pictures and packed files, by how they begin."""
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return media_types.WEBP
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return media_types.BMP
    return media_types.TAR if head[257:262] == b"ustar" else None


def detect_ole(path: Path) -> str:
    """Return the media type of an old Office file or an Outlook message."""
    try:
        streams = _streams(path)
    except UnreadableFileError:
        return _by_mention(path)
    found = (kind for name, kind in _OLE_STREAMS.items() if name in streams)
    return next(found, media_types.OLE)


def check_ole(path: Path) -> None:
    """Raise `UnreadableFileError` where the directory of an old Office file is damaged."""
    _streams(path)


def _streams(path: Path) -> set[str]:
    """Return the names at the top of an OLE container."""
    import olefile  # type: ignore[import-untyped]

    try:
        with olefile.OleFileIO(str(path)) as container:
            return {entry[0] for entry in container.listdir()}
    except (OSError, ValueError, IndexError) as error:
        raise UnreadableFileError(f"The file is damaged: {error}") from error


def detect_by_signature(head: bytes) -> str:
    """Return the media type of any other file, as far as it is known."""
    # Slow to import, and only for files that no parser here reads.
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return media_types.BINARY
    return next((match.mime_type for match in matches if match.mime_type), media_types.BINARY)


def _by_mention(path: Path) -> str:
    """Look for the names of streams where the directory of a container is damaged."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for stream, media_type in _OLE_STREAMS.items():
            if data.find(stream.encode("utf-16-le")) >= 0:
                return media_type
    return media_types.OLE
