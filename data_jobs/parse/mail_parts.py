"""The parts of a message: which are its body, and which are files of their own."""

import contextlib
import mimetypes
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message

from data_jobs.errors import UnreadableFileError
from data_jobs.parse.base import Attachment
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.decode import decode_text

_BODY_TYPES = ("text/plain", "text/html")
_LONGEST_NAME = 200


def body_parts(message: Message) -> list[Message]:
    """Return the texts that a mail program shows, of alternatives the plainest."""
    return [part for part, shown in _leaves(message) if shown and _is_text(part)]


def attachments(message: Message) -> list[Attachment]:
    """Return the attached files and messages; pictures set in the text are left out."""
    files = (part for part, _ in _leaves(message) if not (_is_text(part) or _is_inline(part)))
    found = [_attachment(part, number) for number, part in enumerate(files, start=1)]
    return [attachment for attachment in found if attachment.data]


def part_text(part: Message) -> str:
    """Return the decoded text of a part; broken text is empty."""
    try:
        return decode_text(_data(part), part.get_content_charset())
    except UnreadableFileError:
        return ""


def _leaves(part: Message, shown: bool = True) -> Iterator[tuple[Message, bool]]:
    """Yield the parts that hold data, and whether they are of a chosen alternative."""
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        yield part, shown
        return
    children = _children(part)
    chosen = _choose(children) if part.get_content_subtype() == "alternative" else None
    for child in children:
        yield from _leaves(child, shown and chosen in (None, child))


def _choose(alternatives: list[Message]) -> Message | None:
    """The alternative with plain text, or the last one, which is the richest."""
    texts = [[leaf for leaf in part.walk() if _is_text(leaf)] for part in alternatives]
    for part, leaves in zip(alternatives, texts, strict=True):
        if any(p.get_content_subtype() == "plain" and part_text(p).strip() for p in leaves):
            return part
    readable = [part for part, leaves in zip(alternatives, texts, strict=True) if leaves]
    return readable[-1] if readable else None


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    parts = payload if isinstance(payload, list) else []
    return [child for child in parts if isinstance(child, Message)]


def _is_text(part: Message) -> bool:
    attached = part.get_content_disposition() == "attachment" or part.get_filename()
    return part.get_content_type() in _BODY_TYPES and not attached


def _is_inline(part: Message) -> bool:
    picture = part.get_content_maintype() == "image" and part.get("Content-ID") is not None
    return picture and part.get_content_disposition() != "attachment"


def _attachment(part: Message, number: int) -> Attachment:
    extension = mimetypes.guess_extension(part.get_content_type()) or ""
    name = f"attachment-{number}{extension}"
    messages = _children(part)
    if part.get_content_type() == "message/rfc822" and messages:
        name = f"{decoded_header(str(messages[0].get('Subject', number)))}.eml"
    data = b"\n".join(message.as_bytes() for message in messages) or _data(part)
    return Attachment(_name(part, name), data)


def _name(part: Message, default: str) -> str:
    name = decoded_header(part.get_filename() or default)
    # A name, not a path: nobody may be led to write outside of a folder.
    return name.replace("/", "_").replace("\\", "_").strip(". ")[-_LONGEST_NAME:] or "attachment"


def decoded_header(raw: str) -> str:
    """Return a header on one line, its encoded words and raw bytes decoded."""
    # The parser keeps bytes that are not ASCII as surrogates.
    data = raw.encode("utf-8", "surrogateescape")
    try:
        text = decode_text(data)
    except UnreadableFileError:
        text = data.decode("ascii", "replace")
    with contextlib.suppress(ValueError, LookupError):
        text = str(make_header(decode_header(text)))
    return one_line(clean_text(text))


def _data(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""
