from hypothesis import given
from hypothesis import strategies as st

from retrieval.embedding.batches import estimated_tokens, token_batches

lengths = st.lists(st.integers(1, 300), max_size=60)


@given(lengths, st.integers(1, 1_000))
def test_every_text_is_in_one_batch_that_fits(counts: list[int], budget: int) -> None:
    batches = list(token_batches(counts, budget))
    assert sorted(at for batch in batches for at in batch) == list(range(len(counts)))
    for batch in batches:
        padded = max(counts[at] for at in batch) * len(batch)
        assert padded <= budget or len(batch) == 1


@given(lengths, st.integers(1, 1_000))
def test_longest_texts_come_first(counts: list[int], budget: int) -> None:
    in_order = [counts[at] for batch in token_batches(counts, budget) for at in batch]
    assert in_order == sorted(counts, reverse=True)


@given(lengths.filter(bool))
def test_batches_are_as_full_as_they_can_be(counts: list[int]) -> None:
    batches = list(token_batches(counts, 500))
    for batch in batches[:-1]:
        assert counts[batch[0]] * (len(batch) + 1) > 500


@given(st.text(max_size=3_000), st.integers(2, 512))
def test_the_guess_of_tokens_is_bounded(text: str, limit: int) -> None:
    assert 2 <= estimated_tokens(text, limit) <= limit
