"""Cross-encoders by sentence-transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.errors import InvalidInputError
from retrieval.rerank.base import Pair
from retrieval.rerank.device import Device
from retrieval.rerank.tokens import longest_input


class CrossEncoderModel:
    """A sequence classifier with one label, such as BAAI/bge-reranker-base."""

    def __init__(self, folder: Path, device: Device, max_tokens: int) -> None:
        from sentence_transformers import CrossEncoder
        from torch.nn import Sigmoid

        self._model = CrossEncoder(
            str(folder),
            device=device.name,
            local_files_only=True,
            activation_fn=Sigmoid(),
            model_kwargs={"dtype": device.dtype},
        )
        if self._model.num_labels != 1:
            raise InvalidInputError(
                f"rerank.model: {folder} sorts into {self._model.num_labels} classes; "
                "a reranker has one"
            )
        self.tokenizer: Any = self._model.tokenizer
        self.max_tokens = min(max_tokens, longest_input(self.tokenizer))
        self.overhead = self.tokenizer.num_special_tokens_to_add(pair=True)

    def probabilities(self, pairs: list[Pair]) -> Sequence[float]:
        """Return how well each passage answers its query, 0 to 1."""
        found = self._model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)
        return [float(score) for score in found]
