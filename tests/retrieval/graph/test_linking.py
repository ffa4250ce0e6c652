"""Linking texts to the names of a dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from retrieval.graph.folding import cased_words, is_acronym, words
from retrieval.graph.linking import Link, Linker, meant

# Few letters, so that names overlap, nest and repeat; some words differ by case only.
_WORDS = st.sampled_from(["a", "A", "b", "ab", "AB", "é", "Étude", "who", "WHO"])
_PHRASES = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join)
_NAMES = st.lists(st.tuples(_PHRASES, st.integers(0, 5)), max_size=12)


def naive(names: list[tuple[str, int]], text: str) -> list[Link]:
    """Compare every name with every run of words, the longest runs first."""
    found, cased, links, at = words(text), cased_words(text), [], 0
    while at < len(found):
        for end in range(len(found), at, -1):
            bearers = {
                entity
                for name, entity in names
                if words(name) == found[at:end]
                and (not is_acronym(name) or cased_words(name) == cased[at:end])
            }
            if bearers:
                links.append(Link(tuple(sorted(bearers)), at, end))
                at = end
                break
        else:
            at += 1
    return links


@given(_NAMES, st.lists(_WORDS, max_size=12), st.sampled_from([" ", ", ", "-", " … "]))
def test_finds_what_comparing_everything_finds(
    names: list[tuple[str, int]], text: list[str], between: str
) -> None:
    joined = between.join(text)
    links = Linker(names).link(joined)
    ordered = [Link(tuple(sorted(link.entities)), link.start, link.end) for link in links]
    assert ordered == naive(names, joined)


def test_names_are_found_at_word_boundaries_only() -> None:
    linker = Linker([("art", 1)])
    assert linker.link("start the party") == []
    assert [link.entities for link in linker.link("Art, for art's sake")] == [(1,), (1,)]


def test_the_longest_name_wins() -> None:
    linker = Linker([("New York", 1), ("York", 2), ("New York City Ballet", 3)])
    assert linker.link("the New York City Ballet") == [Link((3,), 1, 5)]
    assert linker.link("New York City") == [Link((1,), 0, 2)]


def test_a_shared_name_leads_to_all_who_bear_it() -> None:
    assert Linker([("Mercury", 1), ("mercury", 2)]).link("MERCURY")[0].entities == (1, 2)


def test_a_shared_name_means_whom_another_name_in_the_text_leads_to() -> None:
    linker = Linker([("Mercury", 1), ("Freddie Mercury", 1), ("Mercury", 2), ("Hermes", 3)])
    assert meant(linker.link("Freddie Mercury sang, and Mercury danced")) == {1}
    assert meant(linker.link("Mercury danced")) == {1, 2}
    assert meant(linker.link("Mercury, by the Greeks called Hermes")) == {1, 2, 3}


def test_an_acronym_wants_capitals_unless_it_is_also_listed_without() -> None:
    assert Linker([("WHO", 1)]).link("who asked the WHO") == [Link((1,), 3, 4)]
    assert Linker([("NASA", 1), ("nasa", 1)]).link("what nasa said") == [Link((1,), 1, 2)]


def test_a_dictionary_without_words_finds_nothing() -> None:
    linker = Linker([("…", 1)])
    assert not linker
    assert linker.link("…") == []
