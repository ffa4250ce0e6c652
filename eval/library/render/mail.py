"""Mails described in YAML as RFC 5322 messages with attachments."""

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import yaml
from pydantic import BaseModel

BOUNDARY = "=_lowtide_part"


class AttachmentSource(BaseModel):
    """A text file inside the mail."""

    name: str
    type: str
    text: str


class MailSource(BaseModel):
    """A mail: its headers in order, plain text body and attachments."""

    headers: dict[str, str]
    body: str
    attachments: list[AttachmentSource]


def render_eml(source: Path) -> bytes:
    """Render a YAML source as multipart/mixed with a fixed boundary."""
    content = MailSource.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    message = EmailMessage(policy=SMTP)
    for name, value in content.headers.items():
        message[name] = value
    message.set_content(content.body, cte="quoted-printable")
    for attachment in content.attachments:
        message.add_attachment(
            attachment.text,
            subtype=attachment.type.removeprefix("text/"),
            cte="quoted-printable",
            filename=attachment.name,
        )
    message.set_boundary(BOUNDARY)
    return message.as_bytes()
