"""Mail: which part is the body, what is attached, and headers in the wild."""

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from data_jobs.errors import IngestError
from data_jobs.parse.base import ParsedDocument

Parse = Callable[[bytes], ParsedDocument]


@pytest.fixture
def parse_mail(parse_bytes: Callable[[bytes, str], ParsedDocument]) -> Parse:
    """Parse a message."""
    return lambda data: parse_bytes(data, "message/rfc822")


def message(subject: str = "Session") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ada <a@x.example>", "b@x.example", subject
    mail["Date"] = "Mon, 02 Nov 2026 10:00:00 +0100"
    return mail


def body(document: ParsedDocument) -> list[str]:
    return [block.text for block in document.blocks[1:]]


def test_headers_come_first_and_are_metadata(parse_mail: Parse) -> None:
    mail = message("Grüße aus Köln " * 10)
    mail.set_content("hi")
    document = parse_mail(mail.as_bytes())
    assert document.blocks[0].text.split("\n")[:2] == ["From: Ada <a@x.example>", "To: b@x.example"]
    assert document.title == ("Grüße aus Köln " * 10).strip()
    assert document.metadata["created_at"] == "2026-11-02T10:00:00+01:00"


def test_plain_text_is_preferred(parse_mail: Parse) -> None:
    mail = message()
    mail.set_content("plain")
    mail.add_alternative("<p>rich</p>", subtype="html")
    assert body(parse_mail(mail.as_bytes())) == ["plain"]


def test_html_is_used_where_plain_text_is_blank(parse_mail: Parse) -> None:
    mail = message()
    mail.set_content(" \n")
    mail.add_alternative("<h1>Rich</h1><p>text</p>", subtype="html")
    assert body(parse_mail(mail.as_bytes())) == ["Rich", "text"]


def test_attachments_are_files_with_safe_names(parse_mail: Parse) -> None:
    inner = message("Inner/subject")
    inner.set_content("inner")
    mail = message()
    mail.set_content("outer")
    mail.add_attachment(inner)
    mail.add_attachment(b"%PDF-", "application", "pdf", filename="../../étc/a.pdf")
    mail.add_attachment(b"log", "application", "octet-stream")
    mail.add_attachment(b"logo", "image", "png", disposition="inline", cid="<logo>")
    mail.add_attachment("notes as a file", filename="notes.txt")
    document = parse_mail(mail.as_bytes())
    assert body(document) == ["outer"]
    names = [attachment.name for attachment in document.attachments]
    assert names == ["Inner_subject.eml", "_.._étc_a.pdf", "attachment-3.bin", "notes.txt"]
    assert b"inner" in document.attachments[0].data
    assert document.attachments[1].data == b"%PDF-"


def test_all_texts_of_a_mixed_message_are_the_body(parse_mail: Parse) -> None:
    mail = message()
    mail.make_mixed()
    for text in ("first", "list footer"):
        part = EmailMessage()
        part.set_content(text)
        mail.attach(part)
    assert body(parse_mail(mail.as_bytes())) == ["first", "list footer"]


def test_attachment_inside_the_other_alternative_is_kept(parse_mail: Parse) -> None:
    rich = EmailMessage()
    rich.set_content("<p>rich</p>", subtype="html")
    rich.add_attachment(b"data", "application", "pdf", filename="a.pdf")
    mail = message()
    mail.set_content("plain")
    mail.make_alternative()
    mail.attach(rich)
    document = parse_mail(mail.as_bytes())
    assert body(document) == ["plain"]
    assert [attachment.name for attachment in document.attachments] == ["a.pdf"]


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Subject: Grüße\n".encode(), "Grüße"),
        ("Subject: Grüße\n".encode("cp1252"), "Grüße"),
        (b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\n", "Grüße"),
        (b"Subject: =?no-such-charset?q?x?=\n", "=?no-such-charset?q?x?="),
        (b"Subject: =?utf-8?b?broken\n", "=?utf-8?b?broken"),
        (b"Subject: folded\n over lines\n", "folded over lines"),
        (b"Subject:\n", None),
    ],
)
def test_headers_in_the_wild(parse_mail: Parse, raw: bytes, title: str | None) -> None:
    document = parse_mail(b"From: a@x.example\nDate: not a date\n" + raw + b"\nbody text")
    assert document.title == title
    assert body(document) == ["body text"]


def test_body_encodings_and_flowed_lines(parse_mail: Parse) -> None:
    head = b"From: a@x.example\nContent-Type: text/plain; charset=%s; format=flowed\n\n"
    text = "こんにちは".encode("iso-2022-jp")
    assert body(parse_mail(head % b"iso-2022-jp" + text)) == ["こんにちは"]
    flowed = b"one \nline\n-- \nname\n> quoted \n> twice"
    assert body(parse_mail(head % b"utf-8" + flowed)) == ["one line\n-- \nname\n> quoted \n> twice"]


def test_deeply_nested_alternatives_end(parse_mail: Parse) -> None:
    levels = b"".join(
        b'Content-Type: multipart/alternative; boundary="b%d"\n\n--b%d\n' % (i, i)
        for i in range(60)
    )
    document = parse_mail(b"From: a@x.example\nMIME-Version: 1.0\n" + levels + b"\nhi\n")
    assert body(document) == ["hi"]


def test_no_headers(parse_mail: Parse) -> None:
    with pytest.raises(IngestError, match="headers"):
        parse_mail(b"\njust text")
