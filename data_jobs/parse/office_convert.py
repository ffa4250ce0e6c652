"""Office files that LibreOffice has to convert before a parser of ours reads them."""

import shutil
from dataclasses import replace
from pathlib import Path

from data_jobs.parse import media_types
from data_jobs.parse.archive import check_archive
from data_jobs.parse.base import ParsedDocument, ParseLimits, Parser
from data_jobs.parse.detect_binary import check_ole
from data_jobs.parse.docx import DocxParser
from data_jobs.parse.office_program import convert, office_program
from data_jobs.parse.pdf import PdfParser
from data_jobs.parse.pptx import PptxParser
from data_jobs.parse.programs import kept_folder, scratch_folder
from data_jobs.parse.unstructured import UnstructuredParser, is_installed
from data_jobs.parse.xlsx import XlsxParser

# What each kind is called, and which kind of today keeps its pages, slides or sheets.
_KINDS = {
    media_types.RTF: ("rtf", "docx"),
    media_types.ODT: ("odt", "docx"),
    media_types.OTT: ("ott", "docx"),
    media_types.DOC: ("doc", "docx"),
    media_types.ODP: ("odp", "pptx"),
    media_types.OTP: ("otp", "pptx"),
    media_types.PPT: ("ppt", "pptx"),
    media_types.ODS: ("ods", "xlsx"),
    media_types.OTS: ("ots", "xlsx"),
    media_types.XLS: ("xls", "xlsx"),
    media_types.DOCX: ("docx", "docx"),
    media_types.PPTX: ("pptx", "pptx"),
    media_types.XLSX: ("xlsx", "xlsx"),
}
_PARSERS: dict[str, tuple[type[Parser], str]] = {
    "docx": (DocxParser, media_types.DOCX),
    "pptx": (PptxParser, media_types.PPTX),
    "xlsx": (XlsxParser, media_types.XLSX),
}


class OfficeParser:
    """Converts to the format of today, or to PDF if the options ask for it."""

    name = "office"
    media_types = media_types.LEGACY_OFFICE

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read an Office file; where LibreOffice is missing, `unstructured` may step in."""
        if office_program() is None and media_type in self.media_types and is_installed():
            return UnstructuredParser().parse(path, media_type, limits)
        _check_container(path, media_type, limits)
        suffix, modern = _KINDS[media_type]
        with scratch_folder(limits) as folder:
            if limits.options.office.as_pdf:
                return _by_pdf(path, suffix, folder, limits)
            found = convert(path, suffix, modern, folder, limits)
            parser, target = _PARSERS[modern]
            return parser().parse(found, target, limits)


def _check_container(path: Path, media_type: str, limits: ParseLimits) -> None:
    """Raise for a damaged or swollen file, which LibreOffice would take for a text."""
    if media_type in (media_types.DOC, media_types.PPT, media_types.XLS):
        check_ole(path)
    elif media_type != media_types.RTF:
        check_archive(path, limits)


def _by_pdf(path: Path, suffix: str, folder: Path, limits: ParseLimits) -> ParsedDocument:
    found = convert(path, suffix, "pdf", folder, limits)
    document = PdfParser().parse(found, media_types.PDF, limits)
    if limits.scratch is None:
        return document
    preview = shutil.move(found, kept_folder(limits) / "preview.pdf")
    return replace(document, preview=str(preview))
