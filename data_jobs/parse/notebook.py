"""Jupyter notebooks (nbformat 3 and 4): text, code, and what the code printed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_jobs.errors import UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.decode import decode_text
from data_jobs.parse.markdown import add_markdown

_LONGEST_OUTPUT = 10_000


class NotebookParser:
    """The cells in their order; pictures and tracebacks are left out."""

    name = "notebook"
    media_types = frozenset({media_types.NOTEBOOK})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a notebook; raises `UnreadableFileError` for JSON that is none."""
        try:
            notebook = json.loads(decode_text(path.read_bytes()))
            cells = list(_cells(notebook))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise UnreadableFileError(f"The notebook is damaged: {error}") from error
        builder = DocumentBuilder(limits)
        for cell in cells:
            _add_cell(builder, cell)
        return builder.build(metadata={"language": _language(notebook)})


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    sheets = notebook.get("worksheets") or [notebook]
    for sheet in sheets:
        for cell in sheet.get("cells", []):
            if isinstance(cell, dict):
                yield cell


def _add_cell(builder: DocumentBuilder, cell: dict[str, Any]) -> None:
    text = _text(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown":
            add_markdown(builder, text)
        case "heading":
            level = cell.get("level")
            builder.add_heading(text, level if isinstance(level, int) else 1)
        case "code":
            builder.add(text, "code")
            for output in cell.get("outputs") or []:
                builder.add(_output(output)[:_LONGEST_OUTPUT], "code")
        case _:
            builder.add(text)


def _output(output: Any) -> str:
    """Return what an output shows as plain text."""
    if not isinstance(output, dict):
        return ""
    data = output.get("data")
    shown = data.get("text/plain") if isinstance(data, dict) else None
    return _text(shown or output.get("text"))


def _text(source: Any) -> str:
    """Return a multi-line string, which notebooks also write as a list of lines."""
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _language(notebook: Any) -> str | None:
    metadata = notebook.get("metadata")
    for key in ("language_info", "kernelspec"):
        about = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(about, dict) and (found := about.get("name") or about.get("language")):
            return str(found)
    return None
