"""What rerankers ask of the tokenizers of their models."""

from typing import Any

from retrieval.errors import InvalidInputError

# Tokenizers that know no limit say 10^30.
_LARGEST = 1_000_000


def longest_input(tokenizer: Any) -> int:
    """Return the tokens that the model of `tokenizer` reads; many where it does not say."""
    return min(int(tokenizer.model_max_length), _LARGEST)


def require_padding(tokenizer: Any) -> None:
    """Give `tokenizer` a token to pad by, or no batch could hold texts of two lengths.

    Raises `InvalidInputError` where it has none that would do.
    """
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise InvalidInputError("rerank.model: its tokenizer has no token to pad batches by")
