"""Tiny reranking models with random weights, in the form in which hubs give real ones."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

_WORDS = ["yes", "no", "Yes", "boat", "red", "rope", "sail", "storm", "the", "torn", "warm", "was"]
_LETTERS = [chr(code) for code in range(32, 127)]


def make_classifier(folder: Path, spread: float = 0.4) -> Path:
    """Write an XLM-R with one label, as BAAI/bge-reranker-base is; it reads 128 tokens.

    With a `spread` of 0 every weight is 0, and so every score one half.
    """
    import torch
    from transformers import (
        PreTrainedTokenizerFast,
        XLMRobertaConfig,
        XLMRobertaForSequenceClassification,
    )

    tokenizer = _tokenizer(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        model_max_length=128,
    )
    torch.manual_seed(5)
    config = XLMRobertaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=130,
        num_labels=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        initializer_range=spread,
    )
    return _saved(XLMRobertaForSequenceClassification(config), fast, folder)


def make_language_model(folder: Path) -> Path:
    """Write a Qwen3 with a head for words and no token to pad by; it reads 1,024 tokens."""
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer(["<unk>", "<|im_start|>", "<|im_end|>", "<s>"])
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        model_max_length=1024,
    )
    torch.manual_seed(5)
    config = Qwen3Config(
        vocab_size=len(fast),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=1024,
        initializer_range=0.4,
    )
    return _saved(Qwen3ForCausalLM(config), fast, folder)


CHECKPOINTS: Mapping[str, Callable[[Path], Path]] = {
    "cross-encoder": make_classifier,
    "flag": make_classifier,
    "flag-llm": make_language_model,
    "qwen3": make_language_model,
}


def _tokenizer(special: list[str]) -> Tokenizer:
    """Return a tokenizer of whole words, and of letters for all others."""
    vocabulary = [*special, *dict.fromkeys([*_LETTERS, *_WORDS])]
    scores = [(token, -1.0 if len(token) > 1 else -8.0) for token in vocabulary]
    unknown = special.index("<unk>")
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Replace("\n", " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    tokenizer.add_special_tokens(special)
    return tokenizer


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
