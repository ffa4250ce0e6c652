"""BGE rerankers by FlagEmbedding: classifiers, and language models that are asked for 'Yes'."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.errors import InvalidInputError
from retrieval.rerank.base import Pair
from retrieval.rerank.device import Device
from retrieval.rerank.tokens import longest_input, require_padding

# The prompt that FlagEmbedding puts behind each pair, with some room.
_PROMPT_TOKENS = 96


class FlagModel:
    """What `FlagReranker` runs, such as BAAI/bge-reranker-v2-m3."""

    def __init__(self, folder: Path, device: Device, max_tokens: int) -> None:
        self._model = _flag().FlagReranker(
            str(folder), use_fp16=device.use_fp16, devices=[device.name], normalize=True
        )
        self.tokenizer: Any = self._model.tokenizer
        self.max_tokens = min(max_tokens, longest_input(self.tokenizer))
        self.overhead = self.tokenizer.num_special_tokens_to_add(pair=True)

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how well each passage answers its query, 0 to 1."""
        return _scores(self._model, pairs, self.max_tokens)


class FlagLanguageModel:
    """What `FlagLLMReranker` runs, such as BAAI/bge-reranker-v2-gemma."""

    def __init__(self, folder: Path, device: Device, max_tokens: int) -> None:
        self._model = _flag().FlagLLMReranker(
            str(folder),
            use_fp16=device.use_fp16,
            use_bf16=False,
            devices=[device.name],
            normalize=True,
        )
        self.tokenizer: Any = self._model.tokenizer
        require_padding(self.tokenizer)
        self.max_tokens = min(max_tokens, longest_input(self.tokenizer))
        self.overhead = min(_PROMPT_TOKENS, self.max_tokens // 2)

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how well each passage answers its query, 0 to 1."""
        return _scores(self._model, pairs, self.max_tokens)


def _scores(model: Any, pairs: list[Pair], max_tokens: int) -> Sequence[float]:
    # It shows a progress bar from the size of a batch on.
    scores = model.compute_score(pairs, batch_size=len(pairs) + 1, max_length=max_tokens)
    return [float(score) for score in scores]


def _flag() -> Any:
    try:
        import FlagEmbedding
    except ImportError as error:
        raise InvalidInputError(
            f"rerank.provider 'flag' and 'flag-llm' need FlagEmbedding ({error}); "
            "install pmoves-mesh[rerank], or take 'auto'"
        ) from error
    return FlagEmbedding
