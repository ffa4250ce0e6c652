"""One side over the other."""

import pytest

from eval.bench.ratio import Ratio, sides_text


class Labelled(Ratio):
    """A ratio that says of what."""

    what: str


def test_it_is_taken_within_each_round() -> None:
    ratio = Labelled.of([10.0, 40.0, 30.0], [10.0, 20.0, 10.0], what="speed")
    assert ratio.what == "speed"
    assert (ratio.low, ratio.median, ratio.high) == (1.0, 2.0, 3.0)
    assert str(ratio) == "2.00 (rounds: 1.00 to 3.00)"


def test_both_sides_need_every_round() -> None:
    with pytest.raises(ValueError, match="zip"):
        Ratio.of([1.0, 2.0], [1.0])


def test_text_has_a_row_for_each_side() -> None:
    text = sides_text("Head", ["reading", "pages/s"], {"ours": "2", "theirs": "1"}, "Note")
    head, table, note = text.split("\n\n")
    assert (head, note) == ("Head", "Note")
    assert table.splitlines()[2] == "| ours    |       2 |"
