"""Cutting texts into batches that cost about the same."""

from collections.abc import Iterator, Sequence


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield lists of positions, longest texts first, that fit `budget` when padded.

    `lengths` are tokens per text. Padded, a batch costs its longest text times its
    size; a text above the budget makes a batch of its own.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def estimated_tokens(text: str, limit: int) -> int:
    """Guess the number of tokens of `text`, at most `limit`; four characters make one."""
    return min(limit, len(text) // 4 + 2)
