from hypothesis import given
from hypothesis import strategies as st

from retrieval.rerank.cache import ScoreCache, score_key


@given(st.lists(st.integers(0, 9)), st.integers(0, 4))
def test_it_never_holds_more_than_it_may_and_keeps_the_newest(
    asked: list[int], entries: int
) -> None:
    cache = ScoreCache(entries)
    for number in asked:
        cache.add({bytes([number]): number / 10})
        assert len(cache) <= entries
    newest = list(dict.fromkeys(reversed(asked)))[:entries]
    keys = [bytes([number]) for number in range(10)]
    assert cache.find(keys) == {bytes([number]): number / 10 for number in newest}


def test_what_is_asked_for_stays_longer() -> None:
    cache = ScoreCache(2)
    cache.add({b"a": 0.1, b"b": 0.2})
    cache.find([b"a"])
    cache.add({b"c": 0.3})
    assert cache.find([b"a", b"b", b"c"]) == {b"a": 0.1, b"c": 0.3}
    cache.clear()
    assert cache.find([b"a"]) == {}


texts = st.tuples(st.text(), st.text(), st.text())


@given(texts, texts)
def test_a_key_belongs_to_one_model_query_and_content(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (score_key(*one) == score_key(*other)) == (one == other)
