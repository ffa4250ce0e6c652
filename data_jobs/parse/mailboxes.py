"""Mailboxes in one file (RFC 4155): each message becomes a document of its own."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from data_jobs.parse import media_types
from data_jobs.parse.archives import archive_document
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.mail_parts import decoded_header
from data_jobs.parse.programs import kept_folder
from data_jobs.parse.unpacking import Unpacking

_FROM = b"From "
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_SUBJECT = re.compile(rb"^Subject:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
_HEAD = 65_536
_LONGEST_SUBJECT = 80
_LONGEST_LINE = 1 << 20


class MailboxParser:
    """The messages of a mailbox, called by their number and subject."""

    name = "mailbox"
    media_types = frozenset({media_types.MBOX})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Part a mailbox into its messages."""
        unpacking = Unpacking(kept_folder(limits), path.stat().st_size, limits)
        with path.open("rb") as file:
            found = [
                unpacking.write(_name(message, number), BytesIO(message))
                for number, message in enumerate(_messages(file), start=1)
            ]
        return archive_document(found, limits)


def _messages(file: BinaryIO) -> Iterator[bytes]:
    """Yield the messages; one begins with a line ``From ``, behind a blank one or at the start."""
    lines: list[bytes] = []
    blank = True
    while line := file.readline(_LONGEST_LINE):
        if blank and line.startswith(_FROM):
            if any(kept.strip() for kept in lines):
                yield _QUOTED.sub(rb"\1", b"".join(lines))
            lines = []
        else:
            lines.append(line)
        blank = not line.strip()
    if any(kept.strip() for kept in lines):
        yield _QUOTED.sub(rb"\1", b"".join(lines))


def _name(message: bytes, number: int) -> str:
    found = _SUBJECT.search(message.partition(b"\n\n")[0][:_HEAD])
    raw = found[1].decode("ascii", "surrogateescape") if found else ""
    subject = decoded_header(raw)[:_LONGEST_SUBJECT].replace("/", "_").strip(". ")
    return f"{number:05} {subject}".strip() + ".eml"
