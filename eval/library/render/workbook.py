"""Sheets described in YAML as Excel workbooks, through openpyxl."""

import io
from datetime import date
from pathlib import Path

import yaml
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.functions import tostring
from pydantic import BaseModel

from eval.library.render.blocks import FrontMatter
from eval.library.render.stable_zip import repack

Cell = str | int | float | date


class SheetSource(BaseModel):
    """One sheet; the first row is its header, `widths` are in characters."""

    name: str
    widths: list[int]
    rows: list[list[Cell]]


class WorkbookSource(FrontMatter):
    """A workbook with its properties."""

    sheets: list[SheetSource]


def render_xlsx(source: Path) -> bytes:
    """Render a YAML source; numbers and dates stay numbers and dates."""
    content = WorkbookSource.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for sheet in content.sheets:
        _fill(workbook.create_sheet(sheet.name), sheet)
    properties = workbook.properties
    properties.title, properties.creator = content.title, content.author
    properties.created = content.moment
    buffer = io.BytesIO()
    workbook.save(buffer)
    # Saving stamps the present moment: put the document's own date back.
    properties.modified = content.moment
    return repack(buffer.getvalue(), {"docProps/core.xml": tostring(properties.to_tree())})


def _fill(worksheet: Worksheet, sheet: SheetSource) -> None:
    for row in sheet.rows:
        worksheet.append(row)
    for cell in worksheet[1]:
        cell.font = Font(bold=True)
    for column, width in enumerate(sheet.widths, start=1):
        worksheet.column_dimensions[get_column_letter(column)].width = width
    for line in worksheet.iter_rows(min_row=2):
        for cell in line:
            if isinstance(cell.value, float):
                cell.number_format = "0.00"
    worksheet.freeze_panes = "A2"
