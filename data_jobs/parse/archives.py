"""Archives: each member becomes a document of its own; nothing is written outside."""

import stat
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from data_jobs.errors import EmptyDocumentError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.archive import open_archive
from data_jobs.parse.base import Attachment, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.members import documents
from data_jobs.parse.programs import kept_folder
from data_jobs.parse.unpacking import Unpacking

# Written by systems for themselves.
_NOISE = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_LONGEST_NAME = 1_000


class ZipParser:
    """The files of a zip archive, with their paths inside it as names."""

    name = "zip"
    media_types = frozenset({media_types.ZIP})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Unpack an archive within `limits`; links and hidden files are left out."""
        with open_archive(path, limits, any_method=True) as archive:
            members = list(_members(archive))
            unpacking = Unpacking(kept_folder(limits), path.stat().st_size, limits)
            unpacking.check_members(len(members))
            unpacking.check_size(sum(member.file_size for member, _ in members))
            attachments = [_unpacked(archive, member, name, unpacking) for member, name in members]
        return archive_document(attachments, limits)


def archive_document(attachments: list[Attachment], limits: ParseLimits) -> ParsedDocument:
    """Return an archive: no text of its own, but its members, as far as they are documents."""
    # The table of parsers names this module.
    from data_jobs.parse.registry import supported_media_types

    if not attachments:
        raise EmptyDocumentError("The archive holds no files.")
    kept, told = documents(attachments, supported_media_types())
    if not kept:
        left_out = ", ".join(cast("list[str]", told["members_left_out"]))
        raise EmptyDocumentError(f"The archive holds no documents, but {left_out}.")
    return DocumentBuilder(limits).build(
        attachments=kept, metadata={"members": len(attachments), **told}
    )


def member_name(name: str) -> str | None:
    """Return the path of a member inside of its archive, None for what is left out.

    Steps up and roots are dropped, so that the name leads nowhere.
    """
    parts = [p for p in PurePosixPath(name.replace("\\", "/")).parts if p not in ("/", "..", ".")]
    if not parts or any(part.startswith(".") or part in _NOISE for part in parts):
        return None
    return "/".join(parts)[-_LONGEST_NAME:]


def _members(archive: ZipFile) -> Iterator[tuple[ZipInfo, str]]:
    for member in archive.infolist():
        mode = stat.S_IFMT(member.external_attr >> 16)
        name = None if member.is_dir() else member_name(member.filename)
        if name and mode in (0, stat.S_IFREG):
            yield member, name


def _unpacked(archive: ZipFile, member: ZipInfo, name: str, unpacking: Unpacking) -> Attachment:
    try:
        with archive.open(member) as source:
            return unpacking.write(name, source)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(f"The member {name!r} is damaged: {error}") from error
