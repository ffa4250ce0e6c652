"""Detection: what a file is, whatever it is called."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from data_jobs.parse.detect import SAMPLE, detect_media_type

PROSE = "First, we set the gain, then we listen.\nSecond, we lower it, a little.\nDone, at last.\n"
README = "# Title\n\nSome **bold** words and a [link](http://x.example).\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
RECORD = json.dumps({"a": 1, "b": "text " * 20}) + "\n"

CASES: list[tuple[str, bytes | str, str]] = [
    ("a.txt", b"%PDF-1.7\n\x00\xe2\xe3", "application/pdf"),
    ("a.doc", b"\x00\x01junk\x02%PDF-1.4\n\x00\x01\x02", "application/pdf"),
    ("a.txt", "the mark of a PDF is %PDF- at its start\n", "text/plain"),
    ("a.pdf", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "image/png"),
    ("a.txt", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00", "image/jpeg"),
    ("a", bytes(range(256)) * 4, "application/octet-stream"),
    ("a.doc", OLE + "WordDocument".encode("utf-16-le"), "application/msword"),
    ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "application/encrypted"),
    ("a", OLE, "application/x-ole-storage"),
    ("a.txt", r"{\rtf1\ansi text}", "application/rtf"),
    ("a.txt", "\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nhi\n", "text/vtt"),
    ("a.md", "WEBVTTX is no format\n", "text/markdown"),
    ("a.txt", "1\r\n00:00:01,000 --> 00:00:02,000\r\nhi\r\n", "application/x-subrip"),
    ("a.txt", "  <!DOCTYPE HTML>\n<html><p>x</html>", "text/html"),
    ("a.txt", "<!-- c -->\n<html lang=en><body>x</body></html>", "text/html"),
    ("a", "<div class=x><p>Part of a page</p></div>", "text/html"),
    ("a", '<?xml version="1.0"?><html xmlns="http://x"/>', "application/xhtml+xml"),
    ("a.html", '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "image/svg+xml"),
    ("a.html", '<?xml version="1.0"?>\n<rss version="2.0"></rss>', "application/xml"),
    ("a.md", '<p align="center"><b>Logo</b></p>\n\n# Title\n', "text/markdown"),
    ("a.txt", '{"a": [1, 2]}', "application/json"),
    ("a.json", "[1] first footnote\n[2] second\n", "text/plain"),
    ("a.txt", '{"a": 1}\n{"a": 2}\n', "application/x-ndjson"),
    ("a.txt", RECORD * 2_000, "application/x-ndjson"),
    ("a.txt", json.dumps(["long text " * 20] * 2_000), "application/json"),
    ("a.txt", "From: a@x.example\nTo: b@x.example\nSubject: hi\n\nbody", "message/rfc822"),
    ("a.txt", "Received: by x\n\tfrom y\nMessage-ID: <1@x>\n\nbody", "message/rfc822"),
    ("a.txt", "From a@x Mon Nov  2\nFrom: a@x\nDate: today\n\nbody", "application/mbox"),
    ("a.txt", "Note: nothing\nDate: today\n\nno mail", "text/plain"),
    ("a.txt", "item;price\nMic;199,50\nCable;9,00\n", "text/csv"),
    ("a", "item\tprice\nMic\t199\nCable\t9\n", "text/tab-separated-values"),
    ("a.csv", "one, two\nthree, four\n", "text/csv"),
    ("a.csv", "only\none\ncolumn\n", "text/csv"),
    ("a.txt", "only\none\ncolumn\n", "text/plain"),
    ("a.txt", PROSE, "text/plain"),
    ("a", README, "text/markdown"),
    ("a.md", PROSE, "text/markdown"),
    ("a.py", "# comment\nx = 1\n\n# other\ndef f(**kwargs): ...\n", "text/x-python"),
    ("a", "#!/usr/bin/env -S python3 -u\nprint(1)\n", "text/x-python"),
    ("a", "#!/bin/sh\nexit 0\n", "text/x-code"),
    ("a.rs", "fn main() {}\n", "text/x-code"),
    ("a.yaml", '{"a": 1}', "application/json"),
    ("a.json", '{"cells": [], "nbformat": 4}', "application/x-ipynb+json"),
    ("a.txt", b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    ("a.txt", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    ("a.txt", b"RIFF\x10\x00\x00\x00WAVEfmt ", "audio/wav"),
    ("a.jpg", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"),
    ("a.jpg", b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "image/avif"),
    ("a.txt", b"\x7fELF\x02\x01\x01\x00\x00\x00", "application/x-executable"),
    ("a.jpg", b"GIF89a\x01\x00\x01\x00", "image/gif"),
    ("a.txt", b"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "image/bmp"),
    ("a.txt", "BMW and other makers of cars\n", "text/plain"),
    ("a.zip", b"\x1f\x8b\x08\x00", "application/gzip"),
    ("a.zip", b"BZh91AY", "application/x-bzip2"),
    ("a.zip", b"\xfd7zXZ\x00\x00", "application/x-xz"),
    ("a.zip", b"name".ljust(257, b"\x00") + b"ustar\x0000", "application/x-tar"),
    ("a", "| a | b |\n|---|---|\n| 1 | 2 |\n\n## Head\n", "text/markdown"),
    ("a", "Grüße\n".encode("utf-16"), "text/plain"),
    ("a", "plain words\n".encode("utf-16-be"), "text/plain"),
    ("a", "Ça coûte 5 €, déjà vu.\n".encode("cp1252"), "text/plain"),
]


@pytest.mark.parametrize(("name", "content", "media_type"), CASES)
def test_content_decides(tmp_path: Path, name: str, content: bytes | str, media_type: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert detect_media_type(path) == media_type


ODT = "application/vnd.oasis.opendocument.text"
XLSB = 'ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main+xml"'
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml."


@pytest.mark.parametrize(
    ("entries", "media_type"),
    [
        ({"a.txt": "x"}, "application/zip"),
        ({"mimetype": ODT}, ODT),
        ({"[Content_Types].xml": "<Types/>"}, "application/zip"),
        ({"[Content_Types].xml": XLSB}, "application/zip"),
        ({"[Content_Types].xml": f'"{WORD}template.main+xml"'}, f"{WORD}document"),
        (
            {"[Content_Types].xml": '"application/vnd.ms-word.document.macroEnabled.main+xml"'},
            f"{WORD}document",
        ),
    ],
)
def test_zip_containers(tmp_path: Path, entries: dict[str, str], media_type: str) -> None:
    path = tmp_path / "file.docx"
    with ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    assert detect_media_type(path) == media_type


def test_sample_cut_inside_a_character(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * (SAMPLE - 1) + "é".encode() * 100)
    assert detect_media_type(path) == "text/plain"
