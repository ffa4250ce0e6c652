"""Files inside of files, as documents of their own."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from urllib.parse import quote

from data_jobs.errors import ParserCrashedError
from data_jobs.fingerprint import file_hash
from data_jobs.parse.base import Attachment
from data_jobs.sources import SourceFile
from data_jobs.stages.work import Work
from retrieval.ids import document_id

_MARK = "#attachment="
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


def attachment_uri(parent: str, name: str) -> str:
    """Return the source of the attachment `name` of the document at `parent`."""
    return f"{parent}{'/' if _MARK in parent else _MARK}{quote(name, safe='', errors='replace')}"


def children(parent: Work, attachments: Sequence[Attachment], folder: Path) -> list[Work]:
    """Return a document for each attachment, whose bytes lie in `folder`."""
    return [
        _child(parent, _file(attachment, label, folder, number), label)
        for number, (label, attachment) in enumerate(_labelled(attachments))
    ]


def with_suffix(work: Work, folder: Path) -> Path:
    """Return a path to the file that ends as its name does; it helps to tell plain texts apart."""
    path, suffix = work.file.path, suffix_of(work.name)
    if path.suffix.lower() == suffix.lower():
        return path
    link = folder / f"file{suffix}"
    link.symlink_to(path)
    return link


def inside(path: str, folder: Path) -> Path:
    """Return `path`, which a parser process gave, if it is an ordinary file in `folder`."""
    found = Path(os.path.abspath(path))
    real = found.resolve()
    if real.is_relative_to(folder.resolve()) and stat.S_ISREG(found.lstat().st_mode):
        return found
    raise ParserCrashedError("the parser named a file that is not its own; the file is hostile")


def _child(parent: Work, path: Path, name: str) -> Work:
    uri = attachment_uri(parent.file.uri, name)
    return Work(
        file=SourceFile(uri, path, name=name, metadata=parent.file.metadata),
        namespace=parent.namespace,
        doc_id=document_id(uri),
        known=parent.known,
        depth=parent.depth + 1,
        parent_id=parent.doc_id,
        content_hash=file_hash(path),
        pipeline=parent.pipeline,
        size_bytes=path.stat().st_size,
    )


def _file(attachment: Attachment, name: str, folder: Path, number: int) -> Path:
    """Return where the bytes of an attachment lie; written there if they came along."""
    if attachment.path is not None:
        return inside(attachment.path, folder)
    own = folder / f"attachment{number}"
    own.mkdir()
    path = own / f"file{suffix_of(name)}"
    path.write_bytes(attachment.data)
    return path


def _labelled(attachments: Sequence[Attachment]) -> Iterator[tuple[str, Attachment]]:
    """Yield attachments with names of which no two are the same."""
    used: Counter[str] = Counter()
    for attachment in attachments:
        name = attachment.name or "attachment"
        used[name] += 1
        yield f"{name} ({used[name]})" if used[name] > 1 else name, attachment


def suffix_of(name: str) -> str:
    """Return the suffix of a name with its dot, empty where it is none."""
    suffix = PurePath(name).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""
