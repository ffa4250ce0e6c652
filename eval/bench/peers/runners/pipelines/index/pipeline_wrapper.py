"""Haystack's indexing: documents are embedded and written into the store in memory.

Hayhooks runs this with the peer's own interpreter.
"""

import os
from typing import Any

from hayhooks import BasePipelineWrapper
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
)


class PipelineWrapper(BasePipelineWrapper):  # type: ignore[misc]
    """The pipeline behind `POST /index/run`."""

    def setup(self) -> None:
        """Build the pipeline over the store that the pipeline `search` reads."""
        store = InMemoryDocumentStore(index="peers", return_embedding=False)
        pipeline = Pipeline()
        model = os.environ["PEER_MODEL"]
        pipeline.add_component(
            "embedder", SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
        )
        pipeline.add_component("writer", DocumentWriter(store, policy=DuplicatePolicy.OVERWRITE))
        pipeline.connect("embedder", "writer")
        self.pipeline = pipeline

    def run_api(self, documents: list[dict[str, Any]]) -> int:
        """Index `documents`; return how many were written."""
        parsed = [Document.from_dict(document) for document in documents]
        answer = self.pipeline.run({"embedder": {"documents": parsed}})
        return int(answer["writer"]["documents_written"])
