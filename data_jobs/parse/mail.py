"""E-mail messages, with the standard library."""

import email
import re
from collections.abc import Mapping
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from data_jobs.errors import EmptyDocumentError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_tree import parse_html
from data_jobs.parse.mail_parts import attachments, body_parts, decoded_header, part_text
from data_jobs.parse.text import add_text

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_LONGEST_HEADER = 1_000
# A line that ends in a blank goes on in the next one (RFC 3676).
_FLOWED = re.compile(r"(?<!\n--)(?<=\S) \n(?=[^>\s])")


class MailParser:
    """A short header block, the body, and the attachments as files of their own."""

    name = "mail"
    media_types = frozenset({media_types.MAIL})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a message; its plain text is preferred to its HTML."""
        message = email.message_from_bytes(path.read_bytes())
        headers = _headers(message)
        if not headers:
            raise UnreadableFileError("The file has no mail headers.")
        builder = DocumentBuilder(limits)
        shown = (f"{name}: {headers[name]}" for name in _SHOWN if name in headers)
        builder.add("\n".join(shown))
        for part in body_parts(message):
            _add_body(builder, part)
        return builder.build(
            headers.get("Subject"), metadata=_metadata(headers), attachments=attachments(message)
        )


def _headers(message: Message) -> dict[str, str]:
    """Return the headers, the first of each name, decoded and on one line."""
    headers: dict[str, str] = {}
    for name, raw in message.raw_items():
        headers.setdefault(name.title(), decoded_header(str(raw))[:_LONGEST_HEADER])
    return {name: text for name, text in headers.items() if text}


def _add_body(builder: DocumentBuilder, part: Message) -> None:
    text = part_text(part)
    if part.get_content_subtype() != "html":
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        add_text(builder, _FLOWED.sub(" ", clean_text(text)) if flowed else text)
        return
    try:
        add_html(builder, parse_html(text))
    except EmptyDocumentError:
        return


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    names = {"from": "From", "to": "To", "cc": "Cc", "message_id": "Message-Id"}
    metadata = {key: headers.get(name, "") for key, name in names.items()}
    try:
        metadata["created_at"] = parsedate_to_datetime(headers.get("Date", "")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        metadata["created_at"] = ""
    return metadata
