"""PDF files that show what an Office document looks like."""

import hashlib
import os
import shutil
from pathlib import Path

from data_jobs.settings import IngestSettings
from data_jobs.stages.attachments import inside
from data_jobs.stages.work import Work


def keep_preview(
    preview: str | None, work: Work, scratch: Path, settings: IngestSettings
) -> str | None:
    """Copy a preview out of `scratch` into the folder of the settings; return where it lies.

    None without a preview or such a folder. A new version replaces the old one at once.
    """
    folder = settings.office.previews
    if preview is None or folder is None:
        return None
    name = hashlib.sha256(f"{work.namespace}\n{work.doc_id}".encode()).hexdigest()[:32]
    folder.mkdir(parents=True, exist_ok=True)
    target, half = folder / f"{name}.pdf", folder / f".{name}.{os.getpid()}"
    shutil.copyfile(inside(preview, scratch), half)
    half.replace(target)
    return str(target.absolute())
