"""Files made to hurt, with what they are to end as. Sizes fit the limits of `runs.LIMITS`."""

import io
import tarfile
import zlib
from collections.abc import Callable
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

from tests.data_jobs.mixed import bundles, office, pages, texts
from tests.data_jobs.mixed.planned import DAMAGED, EMPTY, LIMIT, TYPE, Content
from tests.data_jobs.mixed.prose import Prose

MIB = 2**20
_DEEP = 100_000
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol " * 10}">' for n in range(10))
Make = Callable[[Prose], Content]


def _fixed(data: Callable[[], bytes], reason: str | None) -> Make:
    return lambda _prose: Content(data(), reason=reason)


def _told(make: Callable[[tuple[str, ...]], bytes], reason: str | None = None) -> Make:
    """A file around three sentences, which must be found if it is read at all."""

    def content(prose: Prose) -> Content:
        own = prose.sentences(3, 3)
        return Content(make(own), own if reason is None else (), reason)

    return content


def bomb(*names: str) -> bytes:
    """Return a ZIP whose members unpack to 100 MiB of zeros each."""
    return bundles.zip_of(*((name, bytes(100 * MIB)) for name in names))


def tar_bomb() -> bytes:
    """Return a packed TAR of 100 MiB of zeros."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 100 * MIB
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    return file.getvalue()


def tar_of_links(own: tuple[str, ...]) -> Content:
    """A TAR with a device, links that lead outside, a pipe, and one note."""
    file = io.BytesIO()
    note = "\n".join(own).encode()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind, to in (
            ("null", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "../../etc/passwd"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.devmajor, info.devminor = kind, to, 1, 3
            archive.addfile(info)
        info = tarfile.TarInfo("../../note.txt")
        info.size = len(note)
        archive.addfile(info, io.BytesIO(note))
    return Content(file.getvalue(), members={"note.txt": Content(note, own)})


def many_members() -> bytes:
    """Return a ZIP of more files than are taken."""
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.txt", b"x")
    return file.getvalue()


def locked_pdf() -> bytes:
    """Return a PDF that needs a password."""
    file = io.BytesIO()
    canvas = Canvas(file, encrypt=pdfencrypt.StandardEncryption("user", "owner"))
    canvas.drawString(72, 700, "Secret")
    canvas.save()
    return file.getvalue()


def locked_zip() -> bytes:
    """Return a ZIP whose member says that it is encrypted."""
    data = bytearray(bundles.zip_of(("a.txt", b"secret")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def locked_word() -> bytes:
    """Return the beginning of an encrypted Office file, as far as it tells that."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")


def png(side: int, *, whole: bool) -> bytes:
    """Return a picture of that many black pixels each way, or one that only says so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    rows = zlib.compress(bytes(side * (1 + -(-side // 8))), 1) if whole else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def laughing_word() -> bytes:
    """Return a DOCX whose entities grow tenfold ten times."""
    body = f"<!DOCTYPE d [{_LAUGHS}]><d>&l9;</d>"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = f'<Types><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    return bundles.zip_of(
        ("[Content_Types].xml", types.encode()), ("word/document.xml", body.encode())
    )


def nested(prose: Prose) -> Content:
    """ZIPs in ZIPs: of six, the third inside is too deep."""
    data = bundles.zip_of(("a.txt", " ".join(prose.sentences(1, 1)).encode()))
    for _ in range(6):
        data = bundles.zip_of(("inner.zip", data))
    deepest = Content(b"", reason=LIMIT)
    second = Content(b"", members={"inner.zip": deepest})
    return Content(data, members={"inner.zip": Content(b"", members={"inner.zip": second})})


def nested_mail(own: tuple[str, ...]) -> bytes:
    """Return a message of parts in parts, a thousand deep."""
    head = "From: ada@x.example\nTo: bob@x.example\nSubject: Deep\nMIME-Version: 1.0\n"
    opened = "".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(1_000)
    )
    return (head + opened + "Content-Type: text/plain\n\n" + "\n".join(own)).encode()


def looped_pdf() -> bytes:
    """Return a PDF whose tree of pages holds itself."""
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 900000000>>endobj\n",
    ]
    return b"%PDF-1.4\n" + b"".join(parts) + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def looped_tiff() -> bytes:
    """Return a TIFF whose first directory follows itself."""
    return b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + b"\x08\x00\x00\x00" + bytes(64)


def far_cells(prose: Prose) -> Content:
    """Return a workbook with a cell in the farthest corner."""
    own = prose.sentences(1, 1)
    content = office.workbook(prose, 0)
    book = openpyxl.load_workbook(io.BytesIO(content.data))
    sheet = book.worksheets[0]
    sheet["XFD1048576"] = own[0]
    file = io.BytesIO()
    book.save(file)
    return Content(file.getvalue(), (*content.sentences, *own))


def _cut(make: Callable[[Prose, int], Content], share: float) -> Make:
    def content(prose: Prose) -> Content:
        data = make(prose, 0).data
        return Content(data[: int(len(data) * share)], reason=DAMAGED)

    return content


def _as(make: Callable[[Prose, int], Content]) -> Make:
    return lambda prose: make(prose, 0)


# Those that take no time, for a test that everybody waits for.
QUICK = (
    "bomb.zip",
    "laughs.docx",
    "recursive.zip",
    "climb.tar",
    "locked.pdf",
    "cut.docx",
    "loop.pdf",
    "lie.png",
    "deep.json",
    "noise.bin",
    "empty.txt",
    "wrong.txt",
    "new\nline\ttab.txt",
    "caf\udce9.txt",
)
HOSTILE: dict[str, Make] = {
    "bomb.zip": _fixed(lambda: bomb("zeros"), LIMIT),
    "bombs.zip": _fixed(lambda: bomb("a", "b", "c"), LIMIT),
    "bomb.tar.gz": _fixed(tar_bomb, LIMIT),
    "bomb.docx": _fixed(lambda: bomb("word/document.xml", "a", "b"), LIMIT),
    "laughs.docx": _fixed(laughing_word, DAMAGED),
    "many.zip": _fixed(many_members, LIMIT),
    "recursive.zip": nested,
    "climb.tar": lambda prose: tar_of_links(prose.sentences(3, 3)),
    "locked.zip": _fixed(locked_zip, DAMAGED),
    "locked.pdf": _fixed(locked_pdf, DAMAGED),
    "locked.docx": _fixed(locked_word, DAMAGED),
    "cut.docx": _cut(office.word, 0.6),
    "cut.xlsx": _cut(office.workbook, 0.6),
    "cut.odt": _cut(office.open_text, 0.6),
    "cut.epub": _cut(office.book, 0.6),
    "cut.zip": _cut(bundles.zipped, 0.6),
    "cut.tar": _cut(bundles.tarred, 0.3),
    "cut.png": _cut(pages.picture, 0.5),
    "loop.pdf": _fixed(looped_pdf, DAMAGED),
    "loop.tiff": _fixed(looped_tiff, DAMAGED),
    "huge.png": _fixed(lambda: png(30_000, whole=True), LIMIT),
    "lie.png": _fixed(lambda: png(60_000, whole=False), LIMIT),
    "deep.html": _fixed(lambda: b"<html><body>" + b"<div>" * _DEEP + b"Text.", LIMIT),
    "deep.json": _fixed(lambda: b"[" * _DEEP + b"]" * _DEEP, DAMAGED),
    "deep.md": _fixed(lambda: b"> " * 20_000 + b"Quoted.", EMPTY),
    "deep.eml": _told(nested_mail, DAMAGED),
    "far.xlsx": far_cells,
    "line.txt": _fixed(lambda: b"x" * (200 * MIB), LIMIT),
    "zeros.txt": _fixed(lambda: bytes(MIB), TYPE),
    "noise.bin": _fixed(lambda: bytes(range(256)) * 40, TYPE),
    "empty.txt": _fixed(lambda: b"", EMPTY),
    "blank.md": _fixed(lambda: b" \n\t\n" * 50, EMPTY),
    "wrong.txt": _as(pages.pdf),
    "wrong.pdf": _told(lambda own: "\n".join(own).encode()),
    "wrong.docx": _as(texts.web_page),
    "wrong.mp3": _as(office.slides),
    "open quote.csv": _told(lambda own: f'a,b\n1,"{own[0]}\n2,{own[1]}\n3,{own[2]}\n'.encode()),
    "half.json": _told(lambda own: f'{{"a": "{own[0]}", "b": ["{own[1]}", "{own[2]}"'.encode()),
    "\u202etxt.exe": _told(lambda own: "\n".join(own).encode()),
    "new\nline\ttab.txt": _told(lambda own: "\n".join(own).encode()),
    "%2e%2e%2f#?*[a].txt": _told(lambda own: "\n".join(own).encode()),
    "caf\udce9.txt": _told(lambda own: "\n".join(own).encode()),
    "n" * 251 + ".txt": _told(lambda own: "\n".join(own).encode()),
}
