"""Small real files of every format, written by the libraries that make them."""

import base64
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.registry import parse_as

LIMITS = ParseLimits()


@dataclass(frozen=True)
class Sample:
    """A file, what it is, and texts that must come out in this order."""

    path: Path
    parser: str
    media_type: str
    title: str | None
    order: tuple[str, ...]

    def parse(self, limits: ParseLimits = LIMITS) -> ParsedDocument:
        return parse_as(self.path, self.media_type, limits)


def make_pdf(folder: Path) -> Sample:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    styles = getSampleStyleSheet()
    story = [
        Paragraph("Studio manual", styles["Heading1"]),
        Paragraph("The preamp warms up for ten minutes. " * 8, styles["BodyText"]),
        Paragraph("Then set the gain. " * 12, styles["BodyText"]),
        PageBreak(),
        Paragraph("Second page begins here. " * 8, styles["BodyText"]),
    ]
    path = folder / "manual.pdf"
    SimpleDocTemplate(str(path), title="The manual", author="Ada").build(story)
    order = ("Studio manual", "warms up", "set the gain", "Second page")
    return Sample(path, "pdf", "application/pdf", "The manual", order)


def make_docx(folder: Path) -> Sample:
    import docx

    document = docx.Document()
    document.core_properties.title = "Session notes"
    document.add_heading("Drums", level=1)
    document.add_paragraph("Close microphones on every drum.")
    document.add_paragraph("Kick", style="List Bullet")
    document.add_paragraph("Snare", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells],
        ["Source", "Gain", "Voice", "45 dB"],
        strict=True,
    ):
        cell.text = text
    document.add_heading("Mix", level=2)
    document.add_paragraph("Keep headroom.")
    path = folder / "notes.docx"
    document.save(str(path))
    order = ("Drums", "Close microphones", "Kick", "Snare", "45 dB", "Mix", "headroom")
    media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return Sample(path, "docx", media_type, "Session notes", order)


def make_pptx(folder: Path) -> Sample:
    import pptx

    deck = pptx.Presentation()
    deck.core_properties.title = "Pitch"
    for title, body, notes in (
        ("Why a mesh", "One cluster\nMany machines", "Smile here."),
        ("What it costs", "Nothing\nBut time", "Pause here."),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
        slide.notes_slide.notes_text_frame.text = notes
    path = folder / "pitch.pptx"
    deck.save(str(path))
    order = ("Why a mesh", "Many machines", "Smile", "What it costs", "But time", "Pause")
    media_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    return Sample(path, "pptx", media_type, "Pitch", order)


def make_xlsx(folder: Path) -> Sample:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.title = "Gear list"
    sheet = book.worksheets[0]
    sheet.title = "Gear"
    for row in (["Item", "Price"], ["Microphone", 199.5], ["Cable", 9]):
        sheet.append(row)
    other = book.create_sheet("Rooms")
    other.append(["Room", "Size"])
    other.append(["Booth", "4 m"])
    path = folder / "gear.xlsx"
    book.save(path)
    order = ("Item", "Microphone", "199.5", "Cable", "Booth")
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Sample(path, "xlsx", media_type, "Gear list", order)


HTML = """<!doctype html><html lang="en"><head><title>Tuning the preamp</title>
<meta name="description" content="How we do it"><script>var hidden = 1;</script></head>
<body><nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><h1>Preamp</h1><p>Set the <b>gain</b> first.</p><h2>Steps</h2>
<ol><li>Listen</li><li>Turn<ul><li>slowly</li></ul></li></ol>
<table><tr><th>Source</th><th>Gain</th></tr><tr><td>Voice</td><td>45 dB</td></tr></table>
<pre>mix --gain 45
  --pan 0</pre></main><footer>All rights reserved</footer></body></html>"""


def make_html(folder: Path) -> Sample:
    path = folder / "page.html"
    path.write_text(HTML)
    order = ("Preamp", "gain first", "Steps", "Listen", "slowly", "45 dB", "--pan 0")
    return Sample(path, "html", "text/html", "Tuning the preamp", order)


def make_markdown(folder: Path) -> Sample:
    path = folder / "notes.md"
    path.write_text(
        "---\ntitle: Show notes\ntags: [audio, talk]\n---\n# Episode 7\n\nWe talk to *Ada*.\n\n"
        "## Links\n\n- [one](https://one.example)\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```sh\nmake demo\n```\n"
    )
    order = ("Episode 7", "talk to Ada", "Links", "one", "two", "| 1 | 2 |", "make demo")
    return Sample(path, "markdown", "text/markdown", "Show notes", order)


def make_text(folder: Path) -> Sample:
    path = folder / "plain.txt"
    path.write_bytes("Café, première ligne.\nencore.\n\nSecond paragraph.\n".encode("cp1252"))
    return Sample(path, "text", "text/plain", None, ("Café", "encore", "Second"))


def make_mail(folder: Path) -> Sample:
    message = EmailMessage()
    message["From"] = "Ada <ada@example.org>"
    message["To"] = "Bob <bob@example.org>"
    message["Subject"] = "Besprechung für Montag"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0100"
    message.set_content("Hello Bob,\n\nthe session is at ten.\n")
    message.add_alternative("<p>Hello <b>HTML</b></p>", subtype="html")
    message.add_attachment(b"Item,Qty\nMic,2\n", "text", "csv", filename="gear.csv")
    path = folder / "message.eml"
    path.write_bytes(message.as_bytes())
    order = ("From: Ada", "Subject: Besprechung für Montag", "Hello Bob", "at ten")
    return Sample(path, "mail", "message/rfc822", "Besprechung für Montag", order)


CONTAINER = """<?xml version="1.0"?><container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
 <rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>
 </rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Mesh</dc:title>
<dc:creator>Ada</dc:creator><dc:language>en</dc:language></metadata><manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="one%20first.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>
<li><a href="one%20first.xhtml">Chapter one</a></li>
<li><a href="two.xhtml#top">Chapter two</a></li></ol></nav></body></html>"""
CHAPTER = """<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>
<body><p>{}</p></body></html>"""


def make_epub(folder: Path) -> Sample:
    path = folder / "book.epub"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", PACKAGE)
        archive.writestr("OEBPS/nav.xhtml", NAV)
        archive.writestr("OEBPS/one first.xhtml", CHAPTER.format("It began with Ray."))
        archive.writestr("OEBPS/two.xhtml", CHAPTER.format("Then came&nbsp;Lance."))
    order = ("Chapter one", "began with Ray", "Chapter two", "Lance")
    return Sample(path, "epub", "application/epub+zip", "The Mesh", order)


def make_tabular(folder: Path) -> Sample:
    path = folder / "gear.csv"
    path.write_text("item;price;owner\nMicrophone;199,50;Ada\nCable;9,00;Bob\n")
    return Sample(path, "tabular", "text/csv", None, ("item", "Microphone", "Ada", "Cable"))


def make_captions(folder: Path) -> Sample:
    path = folder / "talk.vtt"
    path.write_text(
        "WEBVTT - The talk\nLanguage: en\n\n1\n00:00:01.000 --> 00:00:04.500\n"
        "<v Ada>Welcome &amp; hello</v>\n\n00:00:05.000 --> 00:00:07.250 align:start\n"
        "to the <c.loud>mesh</c>\n"
    )
    order = ("Ada: Welcome & hello", "to the mesh")
    return Sample(path, "captions", "text/vtt", "The talk", order)


# A workbook of Excel 97 with the sheet "Gear", which no library here writes.
XLS = (
    "eNrtWE1oE0EU/maTbX5I001NhVYooWLV2It48VLXH2rx0NJ6UUTQTbuH0pjKkks9aH/MURA8KV4KvXhp9eIPetCL"
    "eBAqehAEIdGjJ0HBQ5v1zcsspppDAxpU5lvmzdv3M/Oy8+ZtZl+tpcpL93oq+AmHEELVj6GtTiaoxYIbC6T3fckG"
    "fZSar/FPIRalhWwz8bj9ZUSuoVzvCgzcDT8jCnygdhYXMTpTcDMtxFGOwREyhkGiArdJkkQ3R9XJdILpNqarbPmE"
    "6WGWXGM6SLZlcQZr9mj2oMri00Yf65KQ4z5gn3cs2Y8uvJBZfOW6qNmaOOJNOfm/U9EbTmAZtG7DbsH1nHwZaVrA"
    "ZXz1M8CXYKc+zWh5a+UCJP+2WR5pIL9hhIE5+Oc5wUtI4HlIasK0oI63jp3EIWgniu4F0o4XZ4mOTE2YwDEnl3fj"
    "sirzLrY27eJ2zu4E0Ul0MJ/iHLeoTq/f+fx6JDdmn2PJHFfuWn3fJUOCj3npQc5J1nBUbJtluo/pAo+6g/kepmnK"
    "TOr7x7oUc3yRba6ytp/mOcB4Y++u4/cQX/o0/rC39NHeS/zKcOVSeuWtvYQ+et9Mkr+8FjEgBsStmxKP7KAXqha8"
    "Z9r9S12IGpaK3VcvsQ5sIM5simntTj4doexFA3vB9nLEy0ac40mxn7Q3GtgbbB9S9rWnn5XvVaMT96WSqtQPxKGh"
    "oaGhoaGhoaHRCgj1vz6kDhqmOj1E1HedDWpV/Znkv8VJzNBVpIPpEArUe5htKn+2wxTBWGKLPsH3QolTNLuHaeQ4"
    "jumm85dOf6L+92zZ0fp9W6jZ+avNxPmH5/8OB+LDzQ=="
)


def make_unstructured(folder: Path) -> Sample:
    path = folder / "gear.xls"
    path.write_bytes(zlib.decompress(base64.b64decode(XLS)))
    order = ("Item", "Mic", "2", "Cable", "10")
    return Sample(path, "office", "application/vnd.ms-excel", None, order)


FEED = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY mesh "never shown">]>
<rss xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel><title>Studio news</title>
<ttl>60</ttl><dc:creator>Ada</dc:creator><item><title>Cables</title>
<description>Short ones.</description></item><item><title>Lamps</title>
<description>&lt;p&gt;Two &lt;b&gt;new&lt;/b&gt; lamps.&lt;/p&gt;&lt;p&gt;Key&lt;/p&gt;
</description><note>All <em>on</em> one dimmer.</note><script>hidden()</script></item>
</channel></rss>"""


def make_xml(folder: Path) -> Sample:
    path = folder / "feed.xml"
    path.write_text(FEED)
    order = ("Studio news", "ttl: 60\ncreator: Ada", "Cables", "Short ones.", "Lamps")
    order += ("Two new lamps.", "Key", "All on one dimmer.")
    return Sample(path, "xml", "application/xml", "Studio news", order)


CODE = '''#!/usr/bin/env python3
"""Mixes tracks."""

import math

GAIN = 45


@cached
def level(x: float) -> float:
    return 20 * math.log10(x)


class Mixer:
    """Holds tracks."""

    tracks = 8

    def add(self, track: str) -> None:
        self.last = track
'''


def make_code(folder: Path) -> Sample:
    path = folder / "mixer.py"
    path.write_text(CODE)
    order = ("import math", "level", "log10", "Mixer", "tracks = 8", "self.last")
    return Sample(path, "code", "text/x-python", "Mixes tracks.", order)


def make_notebook(folder: Path) -> Sample:
    cells = [
        {"cell_type": "markdown", "source": ["# Levels\n", "\n", "We *measure* them."]},
        {
            "cell_type": "code",
            "source": "print(gain)",
            "outputs": [
                {"output_type": "stream", "text": ["45 dB\n"]},
                {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}},
                {"output_type": "execute_result", "data": {"text/plain": "'quiet'"}},
            ],
        },
        {"cell_type": "raw", "source": "The end of it."},
    ]
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "levels.ipynb"
    path.write_text(json.dumps(notebook))
    order = ("Levels", "We measure them", "print(gain)", "45 dB", "quiet", "The end")
    return Sample(path, "notebook", "application/x-ipynb+json", "Levels", order)


MAKERS: dict[str, Callable[[Path], Sample]] = {
    "pdf": make_pdf,
    "docx": make_docx,
    "pptx": make_pptx,
    "xlsx": make_xlsx,
    "html": make_html,
    "xml": make_xml,
    "markdown": make_markdown,
    "text": make_text,
    "mail": make_mail,
    "epub": make_epub,
    "tabular": make_tabular,
    "captions": make_captions,
    "code": make_code,
    "notebook": make_notebook,
}


@pytest.fixture(params=sorted(MAKERS))
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Sample:
    """One file for each parser."""
    return MAKERS[request.param](tmp_path)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which neither Tesseract nor LibreOffice is installed."""
    monkeypatch.setattr("shutil.which", lambda name: None)


@pytest.fixture
def make_sample(tmp_path: Path) -> Callable[[str], Sample]:
    """Write the sample of one parser."""
    return lambda name: MAKERS[name](tmp_path)


@pytest.fixture
def parse_bytes(tmp_path: Path) -> Callable[[bytes, str], ParsedDocument]:
    """Parse bytes as a media type."""

    def parse(data: bytes, media_type: str) -> ParsedDocument:
        path = tmp_path / "file"
        path.write_bytes(data)
        return parse_as(path, media_type, LIMITS)

    return parse
