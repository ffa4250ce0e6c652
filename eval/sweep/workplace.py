"""Where a sweep keeps what its trials share."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.parts import Cutter
from eval.sweep.points import ALL_TYPES, IndexSetting, Types
from retrieval.depths import Depths
from retrieval.embedding.base import Embedder
from retrieval.embedding.model import embedding_identity
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.ids import content_hash
from retrieval.settings import EmbeddingSettings, LibrarySettings

_DIGITS = 16
_NO_CUTTER = "index.chunk_size: no chunker is here; run `pmoves sweep`"


@lru_cache(maxsize=2)
def _loaded(settings_json: str, api_key: str) -> Embedder:
    # Loads torch: only where it is needed.
    from retrieval.embedding.opening import load_embedder

    # Pydantic refuses a secret's default as JSON.
    given = json.loads(settings_json) | {"api_key": api_key}
    return load_embedder(EmbeddingSettings.model_validate(given))


def load_model(settings: EmbeddingSettings) -> Embedder:
    """Return the model of `settings`, loaded once in each process."""
    shown = settings.model_dump_json(exclude={"api_key"})
    return _loaded(shown, settings.api_key.get_secret_value())


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every trial needs besides its point; it can be sent to another process.

    `folder` is absolute and holds indexes, lists and vectors by content, so that a
    later sweep by the same `code` finds them again. `depths` are how many passages
    each side fetches at most in any trial, and `k` for how many the searches ask.
    `entities` are rows of a dictionary, and `types` the sets of types that count in some trial.
    """

    folder: Path
    settings: LibrarySettings
    k: int
    depths: Depths
    code: str
    cutter: Cutter | None = None
    entities: Sequence[DictionaryRow] = ()
    types: Sequence[Types] = (ALL_TYPES,)
    load: Callable[[EmbeddingSettings], Embedder] = load_model

    @property
    def vectors(self) -> Path:
        """The folder of vectors by content."""
        return self.folder / "vectors"

    def embedding(self, index: IndexSetting) -> EmbeddingSettings:
        """Return the settings of the model of `index`."""
        return index.within(self.settings.embedding)

    def passages(self, dataset: Dataset, index: IndexSetting) -> Dataset:
        """Return `dataset` with the passages that `index` asks for."""
        if not index.cuts:
            return dataset
        if self.cutter is None:
            raise EvaluationError(_NO_CUTTER)
        size, overlap = index.chunk_size, index.chunk_overlap
        cut = self.cutter.cut(dataset, size, overlap, self.embedding(index))
        return replace(dataset, documents=tuple(cut))

    def home(self, dataset: Dataset, index: IndexSetting) -> Path:
        """Return the folder of the index over the passages of `dataset`, named by its content."""
        embedding = self.embedding(index)
        identity = embedding_identity(embedding).model_dump_json()
        passages = [
            content_hash(document.doc_id, document.title, *document.indexed)
            for document in dataset.documents
        ]
        named = [row.model_dump_json() for row in self.entities]
        key = content_hash(self.code, identity, embedding.dtype, *passages, *named)
        return self.folder / "indexes" / key[:_DIGITS]
