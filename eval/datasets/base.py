"""A labelled collection: documents, queries, and which documents answer which query."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from retrieval.ids import content_hash

Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class DatasetDocument:
    """One document of a collection; `title` and `text` may be empty."""

    doc_id: str
    text: str
    title: str = ""

    @property
    def passage(self) -> str:
        """What is indexed: title, line break, text, as BEIR's baselines join them."""
        return "\n".join(part for part in (self.title.strip(), self.text.strip()) if part)


@dataclass(frozen=True)
class Dataset:
    """A labelled collection.

    `queries` maps query ids to texts, `qrels` query ids to grades by document id;
    a grade above 0 means relevant. With `drop_identical_ids` a hit whose document
    id equals the query id is not counted, for collections whose queries are
    documents themselves (BEIR's `ignore_identical_ids`).
    """

    name: str
    documents: tuple[DatasetDocument, ...]
    queries: Mapping[str, str]
    qrels: Qrels
    drop_identical_ids: bool = False

    @cached_property
    def documents_hash(self) -> str:
        """SHA-256 of the documents."""
        documents = [(item.doc_id, item.title, item.text) for item in self.documents]
        return content_hash(json.dumps(documents))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything that a result depends on."""
        qrels = sorted((query, sorted(grades.items())) for query, grades in self.qrels.items())
        rest = (sorted(self.queries.items()), qrels, self.drop_identical_ids)
        return content_hash(self.documents_hash, json.dumps(rest))

    @property
    def judged_queries(self) -> dict[str, str]:
        """The queries that have a relevant document; only these are measured."""
        return {
            query_id: text
            for query_id, text in self.queries.items()
            if any(grade > 0 for grade in self.qrels.get(query_id, {}).values())
        }
