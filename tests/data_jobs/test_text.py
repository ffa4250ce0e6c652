"""The quick ways through text come to what the plain ones come to."""

import re

from hypothesis import given
from hypothesis import strategies as st

from data_jobs.chunking.text import clean, later_words, sentences, words

written = st.text(st.sampled_from(' \n\t.!?…")”(aAbé1_日。」\u2028\x00\r'), max_size=60)
_LONG_GAP = re.compile(r"\s{65,}")


@given(written, st.integers(0, 60), st.integers(0, 60))
def test_later_words_are_the_words_backwards(text: str, first: int, second: int) -> None:
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    found = list(later_words(text, start, end))
    assert found == list(words(text, start, end))[:0:-1]


@given(written, st.text(" \n\t\u00a0", min_size=55, max_size=90), written)
def test_no_endless_gap_is_left(before: str, gap: str, after: str) -> None:
    found = clean(f"{before}{gap}{after}")
    assert _LONG_GAP.search(found) is None
    assert found.split() == clean(before).split() + clean(after).split()
    assert clean(found) == found


@given(written)
def test_sentences_hold_all_that_is_not_space(text: str) -> None:
    found = [text[start:end] for start, end in sentences(text, 0, len(text))]
    assert "".join("".join(found).split()) == "".join(text.split())


def test_sentences_end_at_stops_and_lines() -> None:
    text = 'One. Two "quoted." Three, e.g. this!\n four…  Five。六」 '
    found = [text[start:end] for start, end in sentences(text, 0, len(text))]
    assert found == ["One.", 'Two "quoted."', "Three, e.g. this!", "four…", "Five。", "六」"]
