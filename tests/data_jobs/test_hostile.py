"""Files made to hurt: each ends with the right reason, and the notes beside them are found."""

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

from tests.data_jobs.parse.conftest import make_docx, make_pdf
from tests.data_jobs.production import NAMESPACE, Production

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
MIB = 2**20
DEEP = 100_000


def zipped(*entries: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def tarred(*entries: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def encrypted_zip() -> bytes:
    data = bytearray(zipped(("a.txt", b"secret")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def encrypted_pdf(folder: Path) -> bytes:
    path = folder / "locked.pdf"
    canvas = Canvas(str(path), encrypt=pdfencrypt.StandardEncryption("user", "owner"))
    canvas.drawString(72, 700, "Secret")
    canvas.save()
    return path.read_bytes()


def nested_zip(depth: int) -> bytes:
    data = zipped(("a.txt", b"Innermost."))
    for _ in range(depth):
        data = zipped(("inner.zip", data))
    return data


def png(side: int, *, whole: bool) -> bytes:
    """A picture of that many black pixels each way, or the head of one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        ends = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + ends

    head = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    rows = zlib.compress(bytes(side * (1 + -(-side // 8))), 1) if whole else b""
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


LIMIT, DAMAGED, TYPE = "LimitExceededError", "UnreadableFileError", "UnsupportedTypeError"
EMPTY = "EmptyDocumentError"
Make = Callable[[Path], bytes]
FILES: dict[str, tuple[Make, str | None]] = {
    "bomb.zip": (lambda _: zipped(("zeros", bytes(70 * MIB))), LIMIT),
    "bomb.tar.gz": (lambda _: tarred(("zeros", bytes(70 * MIB))), LIMIT),
    "bomb.gz": (lambda _: gzip.compress(bytes(70 * MIB)), LIMIT),
    "bomb.docx": (lambda _: zipped(("word/document.xml", bytes(100 * MIB))), LIMIT),
    "locked.zip": (lambda _: encrypted_zip(), DAMAGED),
    "locked.pdf": (encrypted_pdf, DAMAGED),
    "locked.docx": (
        lambda _: (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            + bytes(600)
            + "EncryptedPackage".encode("utf-16-le")
        ),
        DAMAGED,
    ),
    "cut.pdf": (lambda folder: make_pdf(folder).path.read_bytes()[:900], DAMAGED),
    "cut.docx": (lambda folder: make_docx(folder).path.read_bytes()[:900], DAMAGED),
    "cut.zip": (lambda _: zipped(("a.txt", os.urandom(5_000)))[:2_000], DAMAGED),
    "cut.png": (lambda _: png(30_000, whole=True)[:5_000], LIMIT),
    "lie.png": (lambda _: png(40_000, whole=False), LIMIT),
    "huge.png": (lambda _: png(30_000, whole=True), LIMIT),
    "deep.json": (lambda _: b"[" * DEEP + b"]" * DEEP, DAMAGED),
    "deep.html": (lambda _: b"<html><body>" + b"<div>" * DEEP + b"Text.", LIMIT),
    "deep.py": (lambda _: b"x = " + b"(" * DEEP + b"1" + b")" * DEEP, None),
    "deep.md": (lambda _: b"> " * 20_000 + b"Quoted.", EMPTY),
    "wrong.txt": (lambda folder: make_pdf(folder).path.read_bytes(), None),
    "wrong.pdf": (lambda _: b"Only words in here.", None),
    "line.txt": (lambda _: b"x" * (200 * MIB), LIMIT),
    "noise.bin": (lambda _: bytes(range(256)) * 40, TYPE),
    "nothing.zip": (lambda _: zipped((".hidden", b"x")), EMPTY),
    "climb.zip": (lambda _: zipped(("../../../climb.txt", b"Stays inside.")), None),
    "recursive.zip": (lambda _: nested_zip(6), None),
    "\u202etxt.exe": (lambda _: b"A name that reads backwards.", None),
    "new\nline.txt": (lambda _: b"A name of two lines.", None),
    "%2e%2e%2f#?.txt": (lambda _: b"A name of escapes.", None),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, scratch = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("scratch")
    for name, (make, _) in FILES.items():
        (folder / name).write_bytes(make(scratch))
    (folder / "notes.md").write_text("# Notes\n\nThe key light stands left.")
    os.mkfifo(folder / "pipe.txt")
    (folder / "round").symlink_to(folder)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    with (folder / os.fsdecode(b"caf\xe9.txt")).open("w") as file:
        file.write("A name that is not Unicode.")
    return folder


def test_each_hostile_file_ends_with_the_right_reason(folder: Path, tmp_path: Path) -> None:
    production = Production(
        tmp_path / "home",
        ingest={
            "parse_memory_bytes": 1024 * MIB,
            "parse_seconds": 90,
            "slow_seconds": 90,
            "max_expanded_bytes": 96 * MIB,
        },
    )
    found = production.run(folder)
    told = {name: each.type for name, each in found.items() if "#attachment" not in name}
    wanted = {
        Path(folder / name).as_uri().rpartition("/")[2]: kind for name, (_, kind) in FILES.items()
    }
    assert {name: told.get(name, "absent") for name in wanted} == wanted
    assert found["notes.md"].outcome == "ready"
    assert "pipe.txt" not in told
    page = production.corpus.documents([NAMESPACE], status="quarantined", reason=LIMIT)
    nested = [row.source.count("inner.zip") for row in page.documents if "recurs" in row.source]
    assert nested == [3]
    assert not list(tmp_path.rglob("climb.txt"))
    assert "Stays inside." in production.texts()
