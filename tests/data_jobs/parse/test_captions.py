"""Captions: times, speakers, rolling lines."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import EmptyDocumentError, IngestError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.captions import CaptionsParser, Cue, unroll
from data_jobs.parse.characters import clean_text

ParseBytes = Callable[[bytes, str], ParsedDocument]
VTT, SRT = "text/vtt", "application/x-subrip"


def cues(document: ParsedDocument) -> list[tuple[float | None, float | None, str]]:
    return [(block.t_start, block.t_end, block.text) for block in document.blocks]


def test_vtt(parse_bytes: ParseBytes) -> None:
    document = parse_bytes(
        b"WEBVTT The talk\nKind: captions\nLanguage: en\n\nNOTE not shown\n\nSTYLE\n::cue{}\n\n"
        b"intro\n00:01.500 --> 00:03.250 line:0\n<v.loud Ada L>Hi &amp; <i>welcome</i></v>\n"
        b"<v Bob>Hello\n\n1:00:00.000 --> 1:00:02.000\n<00:00:01.000><c>late</c>\n",
        VTT,
    )
    assert cues(document) == [
        (1.5, 3.25, "Ada L: Hi & welcome\nBob: Hello"),
        (3600.0, 3602.0, "late"),
    ]
    assert document.title == "The talk"
    assert document.metadata == {"kind": "captions", "language": "en"}
    assert {block.kind for block in document.blocks} == {"cue"}


SRT_FILE = (
    "1\n00:00:01,000 --> 00:00:02,500\nHello\nthere\n\n2\n00:00:03,000 --> 00:00:04,000\nBob\n"
)


@pytest.mark.parametrize(
    "text",
    [
        SRT_FILE,
        "\ufeff" + SRT_FILE.replace("\n", "\r\n").replace("Bob", "{\\an8}<b>Bob</b>"),
        SRT_FILE.replace("1\n", "").replace("2\n", ""),
        SRT_FILE.replace(",", "."),
    ],
)
def test_srt(parse_bytes: ParseBytes, text: str) -> None:
    assert cues(parse_bytes(text.encode(), SRT)) == [(1.0, 2.5, "Hello\nthere"), (3.0, 4.0, "Bob")]


def test_rolling_lines_are_told_once(parse_bytes: ParseBytes) -> None:
    data = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\nhello and welcome\n\n"
        "00:02.000 --> 00:02.010\nhello and welcome\n\n"
        "00:02.010 --> 00:04.000\nhello and welcome\nto the show\n\n"
        "00:04.000 --> 00:06.000\nto the show\nabout sound\n"
    )
    assert cues(parse_bytes(data.encode(), VTT)) == [
        (0.0, 2.01, "hello and welcome"),
        (2.01, 4.0, "to the show"),
        (4.0, 6.0, "about sound"),
    ]


def test_repetition_after_a_pause_is_kept() -> None:
    twice = [Cue(0, 1, ("yeah",)), Cue(5, 6, ("yeah",))]
    assert list(unroll(twice)) == twice


def test_end_before_start_is_mended(parse_bytes: ParseBytes) -> None:
    document = parse_bytes(b"WEBVTT\n\n00:05.000 --> 00:01.000\nodd\n", VTT)
    assert cues(document) == [(5.0, 5.0, "odd")]


def test_cue_with_impossible_times_is_left_out(parse_bytes: ParseBytes) -> None:
    data = b"WEBVTT\n\n00:99:00.000 --> x\nodd\n\n00:05.000 --> 00:06.000\ngood\n"
    assert cues(parse_bytes(data, VTT)) == [(5.0, 6.0, "good")]


def test_no_captions(parse_bytes: ParseBytes) -> None:
    with pytest.raises(EmptyDocumentError):
        parse_bytes(b"just text", SRT)
    with pytest.raises(UnreadableFileError, match="damaged"):
        parse_bytes(b"just text", VTT)


LINES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple)


@given(st.lists(LINES, max_size=12))
def test_unroll_keeps_every_line_and_the_order_of_time(shown: list[tuple[str, ...]]) -> None:
    given_cues = [Cue(float(i), float(i + 1), lines) for i, lines in enumerate(shown)]
    told = list(unroll(given_cues))
    assert {line for cue in told for line in cue.lines} == {line for cue in shown for line in cue}
    assert all(first.end <= second.start for first, second in pairwise(told))


CUE_TEXT = st.text(st.sampled_from("ab 1:0.,->\n<v>/&;{}\\\u2028WEBVTT"), max_size=120)


@given(st.text(max_size=200) | CUE_TEXT | CUE_TEXT.map(lambda text: "WEBVTT\n\n" + text))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.vtt"
    path.write_text(text, "utf-8", newline="")
    for media_type in (VTT, SRT):
        try:
            document = CaptionsParser().parse(path, media_type, ParseLimits())
        except IngestError:
            continue
        for block in document.blocks:
            assert block.text == clean_text(block.text)
            assert block.t_start is not None
            assert block.t_end is not None
            assert 0 <= block.t_start <= block.t_end
