"""Kinds of files that need a program beside Python: is it there, and what installs it."""

from collections.abc import Iterator

from cluster.doctor.finding import Finding, ok, warn
from cluster.settings import Settings
from data_jobs.parse import office_program
from data_jobs.parse.ocr import tesseract


def check_lanes(settings: Settings) -> Iterator[Finding]:
    """Check OCR and LibreOffice."""
    yield _ocr(settings)
    yield _office()


def _ocr(settings: Settings) -> Finding:
    options = settings.ingest.ocr.options()
    if tesseract.is_available(options):
        return ok("ocr", f"{tesseract.tesseract()} reads {options.languages}")
    detail = "off; scans and pictures are quarantined as NeedsOcrError"
    return warn("ocr", detail, f"{tesseract.advice(options)}")


def _office() -> Finding:
    if program := office_program.office_program():
        return ok("office", f"{program} converts DOC, PPT, XLS, ODT, ODP, ODS and RTF")
    detail = "off; DOC, PPT, XLS, ODT, ODP, ODS and RTF are quarantined"
    return warn("office", detail, f"Install LibreOffice: {office_program.INSTALL}")
