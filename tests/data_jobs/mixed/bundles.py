"""Files that hold files: mail, mailboxes, archives."""

import gzip
import io
import tarfile
import tempfile
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from tests.data_jobs.mixed import office, texts
from tests.data_jobs.mixed.planned import Content
from tests.data_jobs.mixed.prose import Prose, paragraphs, words_of
from tests.data_jobs.parse.outlook_file import write_message


def mail(prose: Prose, number: int) -> Content:
    """A message, every other one with a workbook."""
    own = prose.sentences(3, 16)
    message = _message(own, number)
    members: dict[str, Content] = {}
    if number % 2:
        members["list.xlsx"] = office.workbook(prose, number)
        message.add_attachment(
            members["list.xlsx"].data, "application", "octet-stream", filename="list.xlsx"
        )
    return Content(message.as_bytes(policy=SMTP), own, members=members)


def outlook(prose: Prose, number: int) -> Content:
    """A message of Outlook with a note."""
    own = prose.sentences(3, 16)
    members = {"note.md": texts.markdown(prose, number)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.msg"
        attached = {name: content.data for name, content in members.items()}
        write_message(path, f"Mail {number}", "\r\n\r\n".join(paragraphs(own)), attached)
        return Content(path.read_bytes(), own, members=members)


def mailbox(prose: Prose, number: int) -> Content:
    """Three messages in one file."""
    members: dict[str, Content] = {}
    data = b""
    for at in range(1, 4):
        own = prose.sentences(3, 10)
        message = _message(own, at).as_bytes()
        members[f"{at:05} Mail {at}.eml"] = Content(message, own)
        data += b"From ada@x.example Mon Jan  5 10:00:00 2026\n" + message + b"\n"
    return Content(data, members=members)


def zipped(prose: Prose, number: int) -> Content:
    """A ZIP of a page, a report and a folder."""
    members = _members(prose, number)
    return Content(zip_of(*((n, c.data) for n, c in members.items())), members=members)


def tarred(prose: Prose, number: int) -> Content:
    """The same as TAR, every other one packed."""
    members = _members(prose, number)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if number % 2 else "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.data)
            archive.addfile(info, io.BytesIO(content.data))
    return Content(file.getvalue(), members=members)


def packed(prose: Prose, number: int) -> Content:
    """One text, packed."""
    inner = texts.markdown(prose, number)
    return Content(gzip.compress(inner.data), members={"content": inner})


def zip_of(*entries: tuple[str, bytes]) -> bytes:
    """Return a ZIP of these."""
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def _members(prose: Prose, number: int) -> dict[str, Content]:
    return {
        "page.html": texts.web_page(prose, number),
        "report.docx": office.word(prose, number),
        "below/list.csv": texts.csv(prose, number),
    }


def _message(own: tuple[str, ...], number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Ada <ada@x.example>", "bob@x.example"
    message["Subject"], message["Date"] = f"Mail {number}", "Mon, 05 Jan 2026 10:00:00 +0000"
    message["Message-ID"] = f"<{words_of(own[0]).replace(' ', '.')}@x.example>"
    message.set_content("\n\n".join(paragraphs(own)))
    return message
