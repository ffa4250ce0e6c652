"""Pages through OCR, several at once, within the time that is left."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from data_jobs.errors import IngestError
from data_jobs.parse.base import ParseLimits
from data_jobs.parse.ocr.page import OcrPage, read_page
from data_jobs.parse.slots import cores

if TYPE_CHECKING:
    from PIL import Image

# What is left of the time of a document when no further page is begun.
_SPARE = 0.1


def read_pages(
    images: Iterable[tuple[int, "Image.Image"]], limits: ParseLimits
) -> Iterator[tuple[int, OcrPage | None]]:
    """Yield what was read of each numbered picture, None where it could not be read.

    At most as many pictures as workers are held at once. Pages that the time of
    the document does not reach are not read.
    """
    options = limits.options.ocr
    room = max((1 - _SPARE) * limits.seconds - options.page_seconds, limits.seconds / 2)
    last_start = time.monotonic() + room
    workers = options.workers or cores()
    waiting: deque[tuple[int, Future[OcrPage]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for number, image in images:
            if time.monotonic() > last_start:
                yield number, None
                continue
            waiting.append((number, pool.submit(read_page, image, options)))
            if len(waiting) > workers:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())


def _result(number: int, page: Future[OcrPage]) -> tuple[int, OcrPage | None]:
    try:
        return number, page.result()
    except IngestError:
        # One page that cannot be read does not cost the others.
        return number, None
