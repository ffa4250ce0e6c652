"""Spreadsheets (XLSX, XLSM), with openpyxl in its read-only mode."""

import warnings
from collections.abc import Iterator
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from data_jobs.errors import LimitExceededError
from data_jobs.parse import media_types
from data_jobs.parse.archive import open_archive
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.cells import cell_text
from data_jobs.parse.embedded import embedded_files
from data_jobs.parse.office import core_properties
from data_jobs.parse.sheet_tables import SheetRow, add_sheet

# No sheet of Excel or LibreOffice has more rows; a file that claims more is made to hurt.
MOST_ROWS = 1_048_576
_GAP = SheetRow([], True)


class XlsxParser:
    """Sheet by sheet, tables in blocks of at most 50 rows; formulas by their last result."""

    name = "xlsx"
    media_types = frozenset({media_types.XLSX})

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a workbook row by row; charts and pictures are left out."""
        with open_archive(path, limits) as archive:
            metadata = core_properties(archive)
        builder = DocumentBuilder(limits)
        with warnings.catch_warnings():
            # openpyxl warns of every extension that it will not write back.
            warnings.simplefilter("ignore")
            workbook = load_workbook(path, read_only=True, data_only=True)
            try:
                sheets = [s for s in workbook.worksheets if isinstance(s, ReadOnlyWorksheet)]
                builder.check_pages(len(sheets))
                for sheet in sheets:
                    add_sheet(builder, _rows(sheet), sheet.title)
            finally:
                workbook.close()
        return builder.build(
            metadata.pop("title", None),
            pages=len(sheets),
            metadata=metadata,
            attachments=embedded_files(path, limits),
        )


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[SheetRow]:
    # The size that a sheet declares is often wrong, and may be absurd on purpose.
    sheet.reset_dimensions()
    # The stubs do not know that openpyxl lends this method to read-only sheets.
    rows = sheet.iter_rows()  # type: ignore[misc]
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise LimitExceededError(f"The sheet {sheet.title!r} has more than {MOST_ROWS} rows.")
        if not row:
            yield _GAP
            continue
        cells = [
            cell_text(cell.value, cell.number_format or "General")
            if isinstance(cell.value, int | float)
            else cell_text(cell.value)
            for cell in row
        ]
        text_only = all(isinstance(cell.value, str | None) for cell in row)
        yield SheetRow(cells, text_only)
