"""The whole set: how many files of which kind, and the ones that are no files at all."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data_jobs.sources import source_uri
from tests.data_jobs.mixed import bundles, office, pages, texts
from tests.data_jobs.mixed.hostile import HOSTILE
from tests.data_jobs.mixed.planned import DAMAGED, LIMIT, Content, Planned, written
from tests.data_jobs.mixed.prose import Prose

_SPARSE_BYTES = 600 * 2**20
# Cut in half, these have lost the directory at their end; no parser may guess the rest.
_CUT = frozenset({"docx", "pptx", "xlsx", "epub", "zip"})
_EACH = 25


class Lane(NamedTuple):
    """Files of one kind: how they are made and called, and how many of a thousand they are."""

    make: Callable[[Prose, int], Content]
    suffix: str
    of_thousand: int
    program: str = ""


LANES = (
    Lane(texts.plain, "txt", 150),
    Lane(texts.markdown, "md", 110),
    Lane(texts.web_page, "html", 110),
    Lane(pages.pdf, "pdf", 110),
    Lane(office.word, "docx", 80),
    Lane(office.slides, "pptx", 50),
    Lane(office.workbook, "xlsx", 50),
    Lane(bundles.mail, "eml", 50),
    Lane(texts.csv, "csv", 45),
    Lane(texts.python, "py", 35),
    Lane(office.book, "epub", 30),
    Lane(texts.records, "jsonl", 30),
    Lane(texts.webvtt, "vtt", 25),
    Lane(texts.subrip, "srt", 20),
    Lane(texts.shell, "sh", 20),
    Lane(texts.feed, "xml", 15),
    Lane(texts.notebook, "ipynb", 15),
    Lane(texts.json_tree, "json", 15),
    Lane(bundles.outlook, "msg", 10),
    Lane(bundles.zipped, "zip", 6),
    Lane(bundles.tarred, "tar", 6),
    Lane(bundles.mailbox, "mbox", 5),
    Lane(bundles.packed, "md.gz", 3),
    Lane(pages.picture, "", 18, "tesseract"),
    Lane(pages.scan, "pdf", 10, "tesseract"),
    Lane(office.rich_text, "rtf", 6, "soffice"),
    Lane(office.open_text, "odt", 6, "soffice"),
    Lane(office.open_sheet, "ods", 3, "soffice"),
    Lane(office.open_slides, "odp", 3, "soffice"),
    Lane(pages.recording, "wav", 4, "espeak-ng"),
)


def write_set(folder: Path, files: int, seed: int, hostile: tuple[str, ...]) -> list[Planned]:
    """Fill `folder` with about that many files of all lanes; return what each is to become.

    At least one of each lane whose program is here, and the `hostile` ones by name. Further
    things lie about that are to be left alone: pipes, links in circles, devices.
    """
    chance = random.Random(seed)
    prose = Prose(chance)
    planned: list[Planned] = []
    for lane in LANES:
        if lane.program and not shutil.which(lane.program):
            continue
        below = folder / f"{lane.make.__name__}"
        below.mkdir(parents=True, exist_ok=True)
        for number in range(max(1, round(lane.of_thousand * files / 1_000))):
            suffix = lane.suffix or pages.picture_suffix(number)
            path = below / f"{lane.make.__name__} {number:04}.{suffix}"
            planned.append(written(path, _content(lane, prose, number)))
    below = folder / "hostile"
    below.mkdir(exist_ok=True)
    planned += [written(below / name, HOSTILE[name](prose)) for name in hostile]
    return [*planned, *_odd_entries(below)]


def _content(lane: Lane, prose: Prose, number: int) -> Content:
    content = lane.make(prose, number)
    if lane.suffix in _CUT and number % _EACH == _EACH - 1:
        return Content(content.data[: len(content.data) // 2], reason=DAMAGED)
    return content


def _odd_entries(folder: Path) -> list[Planned]:
    """Put things in `folder` that are no files; return the one that is, and is all holes."""
    os.mkfifo(folder / "pipe.txt")
    (folder / "round").symlink_to(folder.parent)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / ".hidden.txt").write_text("Hidden.")
    sparse = folder / "sparse.txt"
    with sparse.open("wb") as file:
        file.truncate(_SPARSE_BYTES)
    return [Planned(source_uri(sparse), reason=LIMIT)]
