"""Scanned pages per second through the OCR lane of ingestion, beside tesseract alone.

The lane gets PDF files of pictures, tesseract the pictures themselves, as many at once
as there are cores, each with one thread. Both read the same pages in turn. A first page of
each file starts the lane, once for all rounds; that is told apart and does not count.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel

from eval.bench.machine import Machine, this_machine
from eval.bench.material import pages
from eval.bench.parts import OpenLane
from eval.bench.ratio import Ratio, sides_text
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress

_LINES = 24
_DPI = 200
_A4 = (1_654, 2_339)
ReadPictures = Callable[[Sequence[Path]], int]


@dataclass(frozen=True, slots=True)
class OcrPlan:
    """How many scanned files of how many pages a round has."""

    files: int = 4
    pages_per_file: int = 4
    rounds: int = 3


class OcrBenchReport(BaseModel):
    """Pages/s, medians over the rounds; `ratio` is the lane to tesseract on all cores.

    `start_s` is what starting the lane took, and reading `start_pages` pages with it.
    """

    machine: Machine
    pages: int
    rounds: int
    start_s: float
    start_pages: int
    lane_per_s: float
    tesseract_per_s: float
    ratio: Ratio

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = f"{self.pages} scanned pages, median of {self.rounds} rounds; {self.machine}"
        sides = {
            "the lane of ingestion": f"{self.lane_per_s:.2f}",
            "tesseract alone, one on each core": f"{self.tesseract_per_s:.2f}",
        }
        ratio = f"Lane / tesseract: {self.ratio}"
        start = f"Starting the lane, and its first {self.start_pages} pages: {self.start_s:.1f} s"
        return sides_text(head, ["OCR", "pages/s"], sides, ratio, start)


def bench_ocr(
    plan: OcrPlan,
    lane: OpenLane,
    alone: ReadPictures | None = None,
    progress: Progress | None = None,
) -> OcrBenchReport:
    """Measure `lane` against `alone`; raises `EvaluationError` where pages get lost."""
    progress = progress or LineProgress()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as folder, lane() as read:
        scans, pictures = _drawn(replace(plan, pages_per_file=1), Path(folder), plan.rounds)
        start_s = len(pictures) / _timed(read, scans, len(pictures))
        for number in range(plan.rounds):
            scans, pictures = _drawn(plan, Path(folder), number)
            theirs.append(_timed(alone or read_with_tesseract, pictures, len(pictures)))
            ours.append(_timed(read, scans, len(pictures)))
            progress("round", number + 1, plan.rounds)
    return OcrBenchReport(
        machine=this_machine("pypdfium2", "pillow"),
        pages=plan.files * plan.pages_per_file,
        rounds=plan.rounds,
        start_s=start_s,
        start_pages=plan.files,
        lane_per_s=median(ours),
        tesseract_per_s=median(theirs),
        ratio=Ratio.of(ours, theirs),
    )


def read_with_tesseract(pictures: Sequence[Path]) -> int:
    """Read pictures by the program itself; return how many of them hold words."""
    if shutil.which("tesseract") is None:
        raise EvaluationError("tesseract is not here; apt-get install tesseract-ocr")

    def read(picture: Path) -> bool:
        command = ["tesseract", str(picture), "stdout"]
        environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
        return bool(done.stdout.strip())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(read, pictures))


def _drawn(plan: OcrPlan, folder: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Return the scanned files of a round, and the pictures of their pages."""
    scans, pictures = [], []
    for number in range(plan.files):
        content = pages(plan.pages_per_file, _LINES, seed=seed * 100_000 + number)
        images = [_page(lines) for lines in content]
        for at, image in enumerate(images):
            pictures.append(folder / f"{seed}-{number}-{at}.png")
            image.save(pictures[-1])
        scans.append(folder / f"{seed}-{number}.pdf")
        images[0].save(scans[-1], save_all=True, append_images=images[1:], resolution=_DPI)
    return scans, pictures


def _page(lines: Sequence[str]) -> Image.Image:
    image = Image.new("L", _A4, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    for number, line in enumerate(lines):
        draw.text((120, 150 + 80 * number), line, 0, font)
    return image


def _timed(read: Callable[[Sequence[Path]], int], paths: Sequence[Path], expected: int) -> float:
    """Return pages/s."""
    start = time.perf_counter()
    found = read(paths)
    seconds = time.perf_counter() - start
    if found != expected:
        raise EvaluationError(f"words were read on {found} of {expected} pages")
    return found / seconds
