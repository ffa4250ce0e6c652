"""Files and pictures inside of Office documents, as documents of their own."""

import re
from pathlib import Path
from zipfile import ZipFile

from data_jobs.parse.archive import open_archive, read_entry
from data_jobs.parse.base import Attachment, ParseLimits
from data_jobs.parse.programs import kept_folder

_FILES = frozenset({"docx", "xlsx", "pptx", "pdf", "doc", "xls", "ppt"})
_TARGET = re.compile(r'Target="[^"]*embeddings/([^"/]+)"')
_PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "tif", "tiff", "webp", "bmp"})


def embedded_files(path: Path, limits: ParseLimits) -> list[Attachment]:
    """Return the Office files and PDFs that are set into an Office document.

    With the option `embedded` of pictures, its pictures too. Both have the names that
    they have inside of it.
    """
    wanted = _FILES | (_PICTURES if limits.options.images.embedded else frozenset())
    with open_archive(path, limits) as archive:
        charted = _of_charts(archive)
        names = [
            name
            for name in archive.namelist()
            if _is_embedded(name, wanted) and name.rpartition("/")[2] not in charted
        ]
        folder = kept_folder(limits) if names else None
        return [_kept(archive, name, folder) for name in names if folder]


def _is_embedded(name: str, wanted: frozenset[str]) -> bool:
    folder, _, file = name.rpartition("/")
    inside = folder.endswith(("/embeddings", "/media"))
    return inside and file.rpartition(".")[2].lower() in wanted


def _of_charts(archive: ZipFile) -> set[str]:
    """Return the names of workbooks that hold the numbers of charts, which stand in the text."""
    relations = (name for name in archive.namelist() if "/charts/_rels/" in name)
    texts = (read_entry(archive, name).decode("utf-8", "replace") for name in relations)
    return {name for text in texts for name in _TARGET.findall(text)}


def _kept(archive: ZipFile, name: str, folder: Path) -> Attachment:
    file = name.rpartition("/")[2]
    path = folder / f"{len(list(folder.iterdir()))}"
    path.write_bytes(read_entry(archive, name))
    return Attachment(file, path=str(path))
