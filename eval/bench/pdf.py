"""Plain PDF files with a text layer: one font, one column, no compression.

ISO 32000-1:2008, sections 7.5 and 9.4.
"""

from collections.abc import Sequence
from pathlib import Path

_MEDIA = "/MediaBox [0 0 595 842]"
_LEADING = 14
_ESCAPES = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


def write_text_pdf(file: Path, pages: Sequence[Sequence[str]]) -> None:
    """Write a PDF whose pages show the given lines; characters beyond Latin-1 become `?`."""
    numbers = range(4, 4 + 2 * len(pages), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in zip(numbers, pages, strict=True):
        resources = "/Resources << /Font << /F1 3 0 R >> >>"
        page = f"<< /Type /Page /Parent 2 0 R {_MEDIA} {resources} /Contents {number + 1} 0 R >>"
        objects += [page.encode(), _stream(_content(lines))]
    file.write_bytes(_document(objects))


def _content(lines: Sequence[str]) -> bytes:
    shown = "".join(f"({line.translate(_ESCAPES)}) Tj T*\n" for line in lines)
    text = f"BT /F1 10 Tf {_LEADING} TL 50 790 Td\n{shown}ET"
    return text.encode("latin-1", "replace")


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(data), data)


def _document(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)
