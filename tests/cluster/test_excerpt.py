"""An excerpt shows the words of the question where the passage has them."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.cli.excerpt import excerpt

LONG = " ".join(f"row{number}" for number in range(200))
TEXTS = st.text(st.sampled_from("ab \n\t-é茶"), max_size=300)


def test_a_short_passage_is_shown_whole_in_one_line() -> None:
    assert excerpt("The water\n\tboils.", "water", 80) == "The water boils."


def test_the_words_of_the_query_are_shown_wherever_they_stand() -> None:
    shown = excerpt(f"{LONG} LT-0937 cost 220 euros {LONG}", "How much did lt-0937 cost?", 60)
    assert "LT-0937 cost 220 euros" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")


def test_without_a_word_of_the_query_it_is_the_beginning() -> None:
    assert excerpt(LONG, "nothing of it", 20) == "row0 row1 row2 …"


@given(TEXTS, TEXTS, st.integers(10, 100))
def test_it_keeps_to_its_width_and_to_the_text(text: str, query: str, width: int) -> None:
    shown = excerpt(text, query, width)
    assert len(shown) <= width + 4
    assert shown.removeprefix("… ").removesuffix(" …") in " ".join(text.split())
