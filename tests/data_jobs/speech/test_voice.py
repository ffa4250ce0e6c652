"""From seconds of joined speech to seconds of the recording."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.speech.base import SAMPLE_RATE
from data_jobs.speech.voice import Speech


def joined(*spans: tuple[float, float], offset: float = 0.0) -> Speech:
    parts = tuple((round(a * SAMPLE_RATE), round(b * SAMPLE_RATE)) for a, b in spans)
    length = sum(end - start for start, end in parts)
    return Speech(np.zeros(length, np.float32), offset, parts)


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (0, 2, (5, 7)),
        (4, 6, (21, 23)),
        (1, 3, (6, 8)),
        (2, 4, (7, 21)),
        (1, 3.4, (6, 8)),
        (2.8, 5, (20, 22)),
        (9, 12, (25, 25)),
    ],
)
def test_times_are_those_of_the_recording(
    start: float, end: float, times: tuple[float, float]
) -> None:
    speech = joined((5, 8), (20, 25))
    assert speech.times(start, end) == pytest.approx(times)
    later = joined((5, 8), (20, 25), offset=300)
    assert later.times(start, end) == pytest.approx((times[0] + 300, times[1] + 300))


@given(
    st.lists(st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)), min_size=1, max_size=6),
    st.floats(0, 40),
    st.floats(0, 40),
)
def test_times_stay_inside_and_in_order(
    parts: list[tuple[float, float]], start: float, length: float
) -> None:
    spans, now = [], 0.0
    for gap, spoken in parts:
        spans.append((now + gap, now + gap + spoken))
        now += gap + spoken
    first, last = joined(*spans).times(start, start + length)
    assert spans[0][0] - 1e-3 <= first <= last <= spans[-1][1] + 1e-3
