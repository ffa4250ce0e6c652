"""Haystack's hybrid search: BM25 and embeddings side by side, joined by rank.

Hayhooks runs this with the peer's own interpreter.
"""

import os
from typing import Any

from hayhooks import BasePipelineWrapper
from haystack import Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersTextEmbedder,
)


class PipelineWrapper(BasePipelineWrapper):  # type: ignore[misc]
    """The pipeline behind `POST /search/run`."""

    def setup(self) -> None:
        """Build the pipeline over the store that the pipeline `index` fills."""
        store = InMemoryDocumentStore(index="peers", return_embedding=False)
        pipeline = Pipeline()
        model = os.environ["PEER_MODEL"]
        pipeline.add_component(
            "embedder", SentenceTransformersTextEmbedder(model=model, progress_bar=False)
        )
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(store))
        pipeline.add_component("bm25", InMemoryBM25Retriever(store))
        pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        pipeline.connect("embedder.embedding", "dense.query_embedding")
        pipeline.connect("dense", "joiner")
        pipeline.connect("bm25", "joiner")
        self.pipeline = pipeline

    def run_api(self, query: str, top_k: int = 10) -> list[dict[str, Any]]:
        """Return the best passages for `query`."""
        answer = self.pipeline.run(
            {
                "embedder": {"text": query},
                "dense": {"top_k": top_k},
                "bm25": {"query": query, "top_k": top_k},
                "joiner": {"top_k": top_k},
            }
        )
        return [
            {
                "id": found.id,
                "doc_id": found.meta["doc_id"],
                "content": found.content,
                "score": found.score,
            }
            for found in answer["joiner"]["documents"]
        ]
