"""The memory of huge inputs: a long PDF, a long recording and very many files in one job.

`PMOVES_TEST_HUGE=100` makes it 5,000 pages, two hours and 10,000 files; 2, the default, makes it
two hundredths of that.
"""

import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from data_jobs.speech.base import SAMPLE_RATE
from retrieval.ids import document_id
from tests.data_jobs.mixed.checks import Stored
from tests.data_jobs.mixed.runs import ingest
from tests.data_jobs.speech.sounds import SENTENCES, silence, speech, word_errors

PERCENT = float(os.environ.get("PMOVES_TEST_HUGE", "2"))
PAGES, SECONDS, FILES = int(50 * PERCENT), 72.0 * PERCENT, int(100 * PERCENT)
# The mission's machine, on which other programs run beside the job.
MOST_BYTES = 12 * 2**30
LINES = 40


@pytest.mark.integration
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(14_400)
@pytest.mark.soak
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")
def test_huge_inputs_go_through_one_job_in_bounded_memory(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "notes").mkdir(parents=True)
    book, talk = folder / "book.pdf", folder / "talk.wav"
    write_book(book)
    write_talk(talk)
    for number in range(FILES):
        text = f"# Note {number}\n\nThe drum {number} stands in room {number % 97}."
        (folder / "notes" / f"note-{number}.md").write_text(text)
    runs = ingest(folder, tmp_path / "home", 0, FILES + 2, 0, limits={})
    print(
        f"{PAGES:,} pages, {SECONDS:,.0f} s of speech and {FILES:,} files: "
        f"{runs.peak_bytes / 2**30:.1f} GiB at most, {runs.seconds:,.0f} s"
    )
    stored = Stored.read(tmp_path / "home")
    assert (runs.code, stored.reasons()) == (0, {"ready": FILES + 2})
    assert stored.rows[document_id(book.as_uri())].pages == PAGES
    text = stored.text(document_id(book.as_uri()))
    assert [page for page in range(PAGES) if f"page {page} line {LINES - 1} " not in text] == []
    heard = stored.texts[document_id(talk.as_uri())]
    assert len(heard) >= SECONDS / 120
    assert word_errors(SENTENCES[0], heard[0][1][: len(SENTENCES[0])]) < 0.5
    assert runs.peak_bytes < MOST_BYTES


def write_book(path: Path) -> None:
    """Write a PDF of pages of which each says which it is."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(PAGES):
        for line in range(LINES):
            at = 790 - 18 * line
            canvas.drawString(72, at, f"On page {page} line {line} tells of the harbour and boats.")
        canvas.showPage()
    canvas.save()


def write_talk(path: Path) -> None:
    """Write a recording of sentences that come again and again, with pauses between them."""
    spoken = [part for text in SENTENCES for part in (speech(text, path.parent), silence(8.0))]
    (path.parent / "espeak.wav").unlink()
    turn = (np.concatenate(spoken) * 32_767).astype(np.int16)
    left = int(SECONDS * SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        while left > 0:
            file.writeframes(turn[:left].tobytes())
            left -= len(turn)
