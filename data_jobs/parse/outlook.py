"""Messages that Outlook saved (MSG), with python-oxmsg."""

from pathlib import Path

from data_jobs.errors import EmptyDocumentError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import Attachment, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text, one_line
from data_jobs.parse.html_blocks import add_html
from data_jobs.parse.html_tree import parse_html
from data_jobs.parse.text import add_text


class OutlookParser:
    """A short header block, the body, and the attachments as files of their own."""

    name = "outlook"
    media_types = frozenset({media_types.OUTLOOK_MESSAGE})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a message; its plain text is preferred to its HTML."""
        from oxmsg import Message

        message = Message.load(str(path))
        builder = DocumentBuilder(limits)
        sent = message.sent_date
        people = [f"{r.name} <{r.email_address}>".strip() for r in message.recipients]
        shown = {
            "From": message.sender or "",
            "To": ", ".join(people),
            "Date": sent.isoformat() if sent else "",
            "Subject": message.subject or "",
        }
        shown = {name: one_line(clean_text(value)) for name, value in shown.items()}
        builder.add("\n".join(f"{name}: {value}" for name, value in shown.items() if value))
        if not builder.blocks and not message.body:
            raise UnreadableFileError("The message has neither headers nor text.")
        _add_body(builder, message.body, message.html_body)
        return builder.build(
            shown["Subject"],
            metadata={"from": shown["From"], "to": shown["To"], "created_at": shown["Date"]},
            attachments=[
                Attachment(_name(attachment.file_name, number), attachment.file_bytes)
                for number, attachment in enumerate(message.attachments, start=1)
                if attachment.file_bytes
            ],
        )


def _add_body(builder: DocumentBuilder, text: str | None, html: str | None) -> None:
    if text and text.strip():
        add_text(builder, text)
        return
    try:
        add_html(builder, parse_html(html or ""))
    except EmptyDocumentError:
        return


def _name(name: str | None, number: int) -> str:
    plain = one_line(clean_text(name or "")).replace("/", "_").replace("\\", "_").strip(". ")
    return plain[-200:] or f"attachment-{number}"
