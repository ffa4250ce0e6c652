"""What Whisper makes up is left out, and what is said stays."""

from hypothesis import given
from hypothesis import strategies as st

from data_jobs.speech.base import Segment
from data_jobs.speech.guards import guarded, unlooped

WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=4), max_size=30)


def texts(*segments: Segment) -> list[str]:
    return [segment.text for segment in guarded(segments)]


def said(
    text: str, confidence: float = 0.9, no_speech: float = 0.1, compression: float = 1.2
) -> Segment:
    return Segment(0, 1, text, confidence, no_speech, compression)


def test_speech_stays() -> None:
    assert texts(said("Good morning."), said("Thank you.")) == ["Good morning.", "Thank you."]


def test_what_is_doubtful_and_silent_goes() -> None:
    assert texts(said("Hmm, the sea.", confidence=0.2, no_speech=0.9)) == []


def test_credits_of_films_go_where_they_are_doubtful() -> None:
    for text in ("Thanks for watching!", "Subtitles by the community", "Thank you.", "you"):
        assert texts(said(text, confidence=0.4)) == []
    assert texts(said("Thanks for watching!", confidence=0.95)) == ["Thanks for watching!"]


def test_signs_without_a_word_go() -> None:
    assert texts(said("..."), said("♪"), said("")) == []


def test_equal_segments_are_kept_twice() -> None:
    assert texts(*[said("Row the boat.")] * 40, said("Ashore.")) == [
        "Row the boat.",
        "Row the boat.",
        "Ashore.",
    ]


def test_loops_inside_a_segment_are_told_once() -> None:
    assert unlooped("and then " * 50 + "it ended") == "and then it ended"
    assert unlooped("no, no, no, stop") == "no, no, no, stop"
    assert unlooped("ha " * 200) == "ha"


def test_text_that_compresses_too_well_goes_unless_it_is_certain() -> None:
    assert texts(said("a b c", confidence=0.5, compression=3.0)) == []
    assert texts(said("a b c", confidence=0.9, compression=3.0)) == ["a b c"]


@given(WORDS)
def test_unlooping_makes_up_no_words_and_is_done_once(words: list[str]) -> None:
    text = " ".join(words)
    once = unlooped(text)
    assert set(once.split()) == set(words)
    assert len(once.split()) <= len(words)


@given(st.lists(WORDS.map(" ".join), max_size=10))
def test_segments_keep_their_order(lines: list[str]) -> None:
    found = texts(*map(said, lines))
    rest = iter([unlooped(line) for line in lines])
    assert all(any(text == line for line in rest) for text in found)
