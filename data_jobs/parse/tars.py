"""TAR archives, packed or not, and single packed files."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.archives import archive_document, member_name
from data_jobs.parse.base import Attachment, ParsedDocument, ParseLimits
from data_jobs.parse.programs import kept_folder
from data_jobs.parse.unpacking import Unpacking

_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError)
_PACKED = frozenset({media_types.GZIP, media_types.BZIP2, media_types.XZ})


class TarParser:
    """The ordinary files of an archive in one pass; a packed file that is none is its own."""

    name = "tar"
    media_types = frozenset({media_types.TAR, *_PACKED})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Unpack an archive within `limits`; links, devices and hidden files are left out."""
        unpacking = Unpacking(kept_folder(limits), path.stat().st_size, limits)
        try:
            if media_type == media_types.TAR or is_packed_tar(path, media_type):
                found = _unpack(path, unpacking)
            else:
                with _opened(path, media_type) as source:
                    found = [unpacking.write("content", source)]
        except _DAMAGE as error:
            raise UnreadableFileError(f"The archive is damaged: {error}") from error
        return archive_document(found, limits)


def is_packed_tar(path: Path, media_type: str) -> bool:
    """Return whether a TAR archive lies in a packed file."""
    try:
        with _opened(path, media_type) as source:
            return source.read(262)[257:] == b"ustar"
    except _DAMAGE:
        return False


def _opened(path: Path, media_type: str) -> IO[bytes]:
    if media_type == media_types.GZIP:
        return cast(IO[bytes], gzip.open(path))
    return bz2.open(path) if media_type == media_types.BZIP2 else lzma.open(path)


def _unpack(path: Path, unpacking: Unpacking) -> list[Attachment]:
    found: list[Attachment] = []
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            name = member_name(member.name) if member.isfile() else None
            source = archive.extractfile(member) if name else None
            if name and source is not None:
                found.append(unpacking.write(name, source))
            # The stream is read once; nothing needs what was read of it.
            archive.members = []  # type: ignore[attr-defined]
    return found
