"""Counting tokens quickly: by the word, with a memory."""

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# Ordinary words have fewer characters a token; strings of noise may have thousands.
CHARACTERS_PER_TOKEN = 16
_LONGEST_ENCODED = 4_096
_MOST_REMEMBERED = 300_000
_MOST_CHARACTERS = 2**24


class TokenCounter:
    """Counts the tokens of a text as the sum of those of its words.

    `tokenizer` neither cuts nor pads. A word costs at least one token for every
    16 of its characters, so that text which the model takes as one unknown token
    stays bounded too.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._costs = _WordCosts(tokenizer)
        self.special_tokens: int = tokenizer.num_special_tokens_to_add(False)
        self.additive = _splits_at_spaces(tokenizer)

    def cost(self, text: str) -> int:
        """Return the tokens of `text`, special tokens left out."""
        return sum(map(self._costs.__getitem__, text.split()))

    def word_cost(self, word: str) -> int:
        """Return the tokens of a text without white space."""
        return self._costs[word]

    def exact(self, texts: list[str]) -> list[int]:
        """Return the tokens that the model reads for each text, special tokens included."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts)]


class _WordCosts(dict[str, int]):
    """Costs of words, found out when first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._characters = 0

    def __missing__(self, word: str) -> int:
        if len(word) > _LONGEST_ENCODED:
            return len(word)
        tokens = len(self._tokenizer.encode(word, add_special_tokens=False))
        cost = max(tokens, -(-len(word) // CHARACTERS_PER_TOKEN))
        if len(self) >= _MOST_REMEMBERED or self._characters >= _MOST_CHARACTERS:
            self.clear()
            self._characters = 0
        self[word] = cost
        self._characters += len(word)
        return cost


def _splits_at_spaces(tokenizer: Tokenizer) -> bool:
    """Say whether the tokens of a text are exactly those of its words."""
    return (
        isinstance(tokenizer.model, WordPiece)
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(tokenizer.normalizer, BertNormalizer)
    )
