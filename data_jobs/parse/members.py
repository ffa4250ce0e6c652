"""Members of an archive that are no documents: programs, compiled files, fonts and the like.

Their content tells. What is called like a document stays, so that somebody hears why it
cannot be read, and so does what is encrypted.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data_jobs.parse import media_types
from data_jobs.parse.base import Attachment, MetadataValue
from data_jobs.parse.detect import detect_media_type

_ENDINGS = (
    "pdf doc docx docm dot dotx ppt pptx pptm pps xls xlsx xlsm xlsb odt odp ods ott rtf pages key "
    "numbers epub mobi html htm xhtml xml svg md txt csv tsv json ipynb tex ps eml msg mbox pst "
    "zip tar gz tgz bz2 xz 7z rar vtt srt png jpg jpeg tif tiff webp gif bmp heic avif psd mp3 m4a "
    "aac wav flac ogg oga opus wma aiff mp4 m4v mov mkv webm avi mpg mpeg wmv flv"
)
_DOCUMENTS = frozenset(f".{ending}" for ending in _ENDINGS.split())
# Somebody meant these to be read.
_TOLD = frozenset({media_types.ENCRYPTED, media_types.OLE, media_types.POSTSCRIPT})


def documents(
    members: Iterable[Attachment], readable: frozenset[str]
) -> tuple[list[Attachment], dict[str, MetadataValue]]:
    """Return the members that may be documents, and metadata that count the others by type.

    `readable` are the media types that have parsers. The files of the others are removed.
    """
    kept: list[Attachment] = []
    others: Counter[str] = Counter()
    for member in members:
        path = Path(member.path) if member.path else None
        kind = _no_document(member.name, path, readable) if path else None
        if kind is None or path is None:
            kept.append(member)
        else:
            others[kind] += 1
            path.unlink()
    told: list[str] = [f"{count} {kind}" for kind, count in sorted(others.items())]
    return kept, {"members_left_out": told} if told else {}


def _no_document(name: str, path: Path, readable: frozenset[str]) -> str | None:
    """Return the media type of a member that is no document, else None."""
    if PurePosixPath(name).suffix.lower() in _DOCUMENTS or not path.stat().st_size:
        return None
    kind = detect_media_type(path)
    return None if kind in readable or kind in _TOLD else kind
