"""Qwen3-Reranker: a language model that is asked whether the passage answers, yes or no.

The template and the reading of the answer are those of its model card. Passages are
padded on the left by a token of the tokenizer's own, so that a batch holds many.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.errors import InvalidInputError
from retrieval.rerank.base import Pair
from retrieval.rerank.device import Device
from retrieval.rerank.tokens import longest_input, require_padding

_BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query "
    'and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
)
_AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
_BODY = "<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {passage}"


class QwenModel:
    """A causal language model with Qwen3-Reranker's template."""

    def __init__(self, folder: Path, device: Device, max_tokens: int, instruction: str) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), padding_side="left", local_files_only=True
        )
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=device.dtype, local_files_only=True
        )
        self.tokenizer: Any = tokenizer
        self._model = model.to(device.name).eval()
        self._device = device.name
        self._instruction = instruction
        self._yes, self._no = _token(tokenizer, "yes"), _token(tokenizer, "no")
        require_padding(tokenizer)
        self._model.config.pad_token_id = tokenizer.pad_token_id
        self._before = tokenizer(_BEFORE, add_special_tokens=False)["input_ids"]
        self._after = tokenizer(_AFTER, add_special_tokens=False)["input_ids"]
        self.max_tokens = min(max_tokens, longest_input(tokenizer))
        self.overhead = self._template_tokens()

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how likely the model says yes rather than no."""
        import torch

        texts = [self._body(query, passage) for query, passage in pairs]
        found = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        inputs = [[*self._before, *tokens, *self._after] for tokens in found]
        padded = self.tokenizer.pad({"input_ids": inputs}, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            # Only the last place is read; logits of all would fill the memory.
            logits = self._model(**padded, logits_to_keep=1).logits[:, -1].float()
            answers = torch.softmax(logits[:, [self._no, self._yes]], dim=1)[:, 1]
        scores: list[float] = answers.cpu().tolist()
        return scores

    def _body(self, query: str, passage: str) -> str:
        return _BODY.format(instruction=self._instruction, query=query, passage=passage)

    def _template_tokens(self) -> int:
        body = self.tokenizer(self._body("", ""), add_special_tokens=False)["input_ids"]
        overhead = len(self._before) + len(self._after) + len(body)
        if overhead > self.max_tokens // 2:
            raise InvalidInputError(
                f"rerank.max_tokens: the template of qwen3 alone takes {overhead} of "
                f"{self.max_tokens} tokens; give at least {2 * overhead}"
            )
        return overhead


def _token(tokenizer: Any, word: str) -> int:
    tokens = tokenizer(word, add_special_tokens=False)["input_ids"]
    if len(tokens) != 1 or tokens[0] == tokenizer.unk_token_id:
        raise InvalidInputError(
            f"rerank.model: its tokenizer has no single token for {word!r}, as Qwen3-Reranker does"
        )
    return int(tokens[0])
