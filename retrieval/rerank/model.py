"""Where the reranking model lies: in a folder, in an object store, or on the model hub."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from retrieval.errors import InvalidInputError, StageError
from retrieval.ids import content_hash
from retrieval.object_store import file_system
from retrieval.settings import RerankSettings, S3Settings

CPU_MODEL = "BAAI/bge-reranker-base"
GPU_MODEL = "Qwen/Qwen3-Reranker-0.6B"
# Not weights of other frameworks, which hubs hold beside those of torch.
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "*.jinja"]


def wanted_model(settings: RerankSettings, *, cuda: bool) -> str:
    """Return the model that `settings` ask for, by its name."""
    if settings.model != "auto":
        return settings.model
    return GPU_MODEL if cuda else CPU_MODEL


def model_folder(
    settings: RerankSettings, cache: Path, s3: S3Settings, *, cuda: bool
) -> tuple[Path, list[str]]:
    """Return the folder of the model, fetched into `cache` where need be, and warnings.

    Raises `InvalidInputError` for a folder without a model, `StageError` where the hub or
    the object store does not give it.
    """
    warnings: list[str] = []
    if settings.model_path:
        folder = Path(settings.model_path).expanduser()
        if folder.is_dir():
            return _holding_a_model(folder), warnings
        warnings.append(f"rerank.model_path: there is no folder {folder}; rerank.model is taken")
    name = wanted_model(settings, cuda=cuda)
    if name.startswith("s3://"):
        return _holding_a_model(_from_object_store(name, cache, s3)), warnings
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _holding_a_model(folder), warnings
    return _from_hub(name), warnings


def check_model(settings: RerankSettings, s3: S3Settings, *, cuda: bool) -> None:
    """Look whether the model is there, without fetching its weights; raises as `model_folder`."""
    name = wanted_model(settings, cuda=cuda)
    path = Path(settings.model_path).expanduser()
    folder = path if settings.model_path and path.is_dir() else Path(name).expanduser()
    if folder.is_dir():
        _holding_a_model(folder)
    elif not name.startswith("s3://"):
        _from_hub(name, ["config.json"])
    else:
        _require_object(f"{name.rstrip('/')}/config.json", s3)


def architectures(folder: Path) -> list[str]:
    """Return the architectures that the model in `folder` names."""
    found = _read(folder / "config.json").get("architectures")
    return [str(name) for name in found] if isinstance(found, list) else []


def is_modular_cross_encoder(folder: Path) -> bool:
    """Say whether sentence-transformers has saved a cross-encoder of its own modules there."""
    return _read(folder / "config_sentence_transformers.json").get("model_type") == "CrossEncoder"


def _read(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _holding_a_model(folder: Path) -> Path:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise InvalidInputError(
            f"rerank.model: {folder} holds no model (config.json and *.safetensors)"
        )
    return folder


def _from_object_store(uri: str, cache: Path, s3: S3Settings) -> Path:
    """Copy the folder at `uri` once; half a copy is never taken for a whole one."""
    folder = cache / "rerankers" / content_hash(uri.rstrip("/").encode())[:16]
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{folder.name}-{uuid4().hex}")
    part.mkdir(parents=True)
    try:
        file_system(s3).get(f"{uri.rstrip('/')}/", f"{part}/", recursive=True)
        part.rename(folder)
    except (OSError, ValueError) as error:
        if folder.is_dir():
            return folder
        raise StageError(f"rerank.model: {uri} cannot be fetched: {error}") from error
    return folder


def _require_object(uri: str, s3: S3Settings) -> None:
    try:
        file_system(s3).info(uri)
    except (OSError, ValueError) as error:
        raise StageError(f"rerank.model: {uri} cannot be read: {error}") from error


def _from_hub(name: str, wanted: Sequence[str] = _WANTED) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(wanted)))
    except HFValidationError as error:
        raise InvalidInputError(
            f"rerank.model: {name!r} is neither a folder nor the id of a model: {error}"
        ) from error
    except Exception as error:
        # The hub's client raises errors of many libraries.
        raise StageError(
            f"rerank.model: {name!r} is no folder here, and the model hub does not give it "
            f"({type(error).__name__}: {str(error)[:200]})"
        ) from error
