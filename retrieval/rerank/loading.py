"""From settings to a loaded reranker."""

import os
from pathlib import Path

from retrieval.errors import InvalidInputError
from retrieval.pytorch import require_pytorch
from retrieval.rerank.base import RerankerState
from retrieval.rerank.device import Device
from retrieval.rerank.local import LocalReranker, PairModel
from retrieval.rerank.model import (
    architectures,
    is_modular_cross_encoder,
    model_folder,
    wanted_model,
)
from retrieval.settings import RerankSettings, S3Settings

# One short pair, one of the usual length, one of several windows: what is compiled or
# allocated at first use is there before the first query.
_WARM_UP = [("warm", "up"), ("warm up", "warm up " * 60), ("warm up", "warm up " * 600)]


def load_reranker(
    settings: RerankSettings, cache: Path, s3: S3Settings | None = None
) -> LocalReranker:
    """Load the model of `settings` in this process, and warm it up.

    `cache` is a folder for what an object store, spoken to as `s3` says, gives. Raises
    `InvalidInputError` where the settings are wrong, `StageError` where the model cannot
    be fetched now.
    """
    require_pytorch("rerank.model", settings.model)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = Device.of(settings)
    folder, warnings = model_folder(settings, cache, s3 or S3Settings(), cuda=device.cuda)
    provider = _provider(settings, folder)
    _require_head(provider, folder)
    try:
        model = _load(provider, folder, device, settings)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidInputError(
            f"rerank.model: {folder} cannot be loaded by {provider!r}: {error}"
        ) from error
    state = RerankerState(
        provider=provider,
        model=wanted_model(settings, cuda=device.cuda),
        resolved=str(folder),
        device=device.name,
        cuda_available=device.cuda,
        use_fp16=device.use_fp16,
        loaded=True,
        warnings=warnings,
    )
    reranker = LocalReranker(model, state, settings.batch_tokens)
    reranker.score(_WARM_UP)
    return reranker


def _provider(settings: RerankSettings, folder: Path) -> str:
    if settings.provider != "auto":
        return settings.provider
    causal = any(name.endswith("ForCausalLM") for name in architectures(folder))
    return "qwen3" if causal else "cross-encoder"


def _require_head(provider: str, folder: Path) -> None:
    """Raise `InvalidInputError` where the model has no head that gives scores.

    The libraries would put one of random weights in its place, and say so in a log only.
    """
    named = architectures(folder)
    wanted = "ForCausalLM" if provider in ("qwen3", "flag-llm") else "ForSequenceClassification"
    if any(name.endswith(wanted) for name in named):
        return
    if provider == "cross-encoder" and is_modular_cross_encoder(folder):
        return
    raise InvalidInputError(
        f"rerank.model: {provider!r} needs a model of the kind {wanted}; {folder} is "
        f"{', '.join(named) or 'of no kind that its config.json names'}"
    )


def _load(provider: str, folder: Path, device: Device, settings: RerankSettings) -> PairModel:
    if provider == "qwen3":
        from retrieval.rerank.qwen import QwenModel

        return QwenModel(folder, device, settings.max_tokens, settings.instruction)
    if provider == "flag":
        from retrieval.rerank.flag import FlagModel

        return FlagModel(folder, device, settings.max_tokens)
    if provider == "flag-llm":
        from retrieval.rerank.flag import FlagLanguageModel

        return FlagLanguageModel(folder, device, settings.max_tokens)
    if provider == "cross-encoder":
        from retrieval.rerank.cross_encoder import CrossEncoderModel

        return CrossEncoderModel(folder, device, settings.max_tokens)
    raise InvalidInputError(f"rerank.provider: {provider!r} runs on a server, not in this process")
