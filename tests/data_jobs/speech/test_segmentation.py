"""The four profiles, and how they are told apart."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.parse.base import Block
from data_jobs.speech.segmentation import cut_of, profile_of, segmented
from data_jobs.speech.settings import Profile, SegmentationSettings

SETTINGS = SegmentationSettings()


def cues(count: int, seconds: float, words: int, gap: float = 0.1, text: str = "") -> list[Block]:
    """`count` cues of so many seconds and words, with a pause after each."""
    found = []
    for number in range(count):
        start = number * (seconds + gap)
        spoken = text or " ".join(f"word{number}{letter}" for letter in "abcdefghijklmnop"[:words])
        found.append(Block(spoken, "cue", t_start=start, t_end=start + seconds))
    return found


def passages(blocks: list[Block]) -> list[list[Block]]:
    found: list[list[Block]] = []
    for block in blocks:
        if block.opens or not found:
            found.append([])
        found[-1].append(block)
    return found


@pytest.mark.parametrize(
    ("blocks", "profile"),
    [
        (cues(20, 5, 14), "talk"),
        (cues(20, 7, 13), "talk-long"),
        (cues(20, 2, 6), "dialogue"),
        (cues(20, 2, 6, gap=2), "talk"),
        (cues(20, 2, 4, text="row row row"), "lyrics"),
        ([*cues(5, 5, 14), Block("[Music]", "cue", t_start=40, t_end=41)], "lyrics"),
        (cues(3, 5, 14, text="♪ la la ♪"), "lyrics"),
    ],
)
def test_the_profile_is_told_from_the_rhythm(blocks: list[Block], profile: Profile) -> None:
    assert profile_of(blocks) == profile
    assert profile_of(blocks, "lyrics") == "lyrics"


def test_the_bounds_are_those_of_the_predecessor() -> None:
    def bounds(profile: Profile) -> list[float]:
        cut = cut_of(profile, SETTINGS)
        return [cut.target, cut.gap, cut.least, cut.most, cut.longest]

    assert bounds("talk") == [30, 1.2, 600, 1_500, 60]
    assert bounds("dialogue") == pytest.approx([20.1, 0.8, 400, 1_200, 45])
    assert bounds("lyrics") == [15, 0.6, 350, 900, 30]
    assert bounds("talk-long") == pytest.approx([39.9, 1.5, 700, 1_800, 75])


def test_a_passage_ends_at_its_length() -> None:
    found = passages(segmented(cues(40, 5, 14), SETTINGS))
    lengths = [(part[-1].t_end or 0) - (part[0].t_start or 0) for part in found[:-1]]
    assert all(30 <= length <= 36 for length in lengths)


def test_a_passage_ends_at_a_pause() -> None:
    blocks = [*cues(3, 4, 10), Block("Later.", "cue", t_start=60, t_end=61)]
    assert [len(part) for part in passages(segmented(blocks, SETTINGS))] == [3, 1]


def test_a_passage_ends_with_a_sentence_once_it_is_long_enough() -> None:
    long = "x" * 320
    blocks = [
        Block(text, "cue", t_start=at * 5.0, t_end=at * 5 + 5.0)
        for at, text in enumerate([f"{long},", f"{long}.", "And on", "it goes."])
    ]
    found = passages(segmented(blocks, SegmentationSettings(profile="talk")))
    assert [len(part) for part in found] == [2, 2]


def test_a_chapter_begins_a_passage() -> None:
    one, two = cues(2, 3, 10)
    chapter = Block("Two", "heading", 1, t_start=3.0)
    assert [block.opens for block in segmented([one, chapter, two], SETTINGS)] == [
        True,
        False,
        True,
    ]


def test_off_leaves_the_cues_to_the_chunker() -> None:
    blocks = cues(40, 5, 14)
    assert segmented(blocks, SegmentationSettings(profile="off")) == blocks


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.floats(0, 20), st.text("ab .", min_size=1, max_size=400)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["auto", "talk", "dialogue", "lyrics", "talk-long"]),
)
def test_no_cue_is_lost_and_every_bound_holds(
    parts: list[tuple[float, float, str]], profile: Profile
) -> None:
    blocks, now = [], 0.0
    for gap, length, text in parts:
        blocks.append(Block(text, "cue", t_start=now + gap, t_end=now + gap + length))
        now += gap + length
    settings = SegmentationSettings(profile=profile)
    found = segmented(blocks, settings)
    assert [block.text for block in found] == [block.text for block in blocks]
    cut = cut_of(profile_of(blocks, profile), settings)
    for part in passages(found):
        if len(part) > 1:
            assert (part[-1].t_end or 0) - (part[0].t_start or 0) <= cut.longest + 1e-6
            assert sum(len(block.text) for block in part) <= cut.most + 1
        for before, after in itertools.pairwise(part):
            assert (after.t_start or 0) - (before.t_end or 0) <= cut.gap + 1e-6
