"""A labelled collection: documents, queries, and which documents answer which query."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from retrieval.chunk import JsonValue
from retrieval.ids import content_hash

Qrels = Mapping[str, Mapping[str, int]]
Record = Mapping[str, JsonValue]
"""What is known of a query besides its text: `tags`, `metadata`, `namespace`, `options`."""


@dataclass(frozen=True, slots=True)
class DatasetDocument:
    """One document of a collection; `title` and `text` may be empty.

    `passages` are what is indexed, as another program cut the document; without
    any, the document is one passage.
    """

    doc_id: str
    text: str
    title: str = ""
    passages: tuple[str, ...] = ()

    @property
    def passage(self) -> str:
        """Title, line break, text, as BEIR's baselines join them."""
        return "\n".join(part for part in (self.title.strip(), self.text.strip()) if part)

    @property
    def indexed(self) -> tuple[str, ...]:
        """The texts that are indexed; none where the document is empty."""
        return self.passages or ((self.passage,) if self.passage else ())


@dataclass(frozen=True)
class Dataset:
    """A labelled collection.

    `queries` maps query ids to texts, `qrels` query ids to grades by document id;
    a grade above 0 means relevant. With `drop_identical_ids` a hit whose document
    id equals the query id is not counted, for collections whose queries are
    documents themselves (BEIR's `ignore_identical_ids`).

    Without `documents` the queries are asked in a namespace that exists already, and
    judgements may name its documents or its passages. `source_hash` stands for the
    documents where they were parsed from files, so that a parser that reads them
    otherwise is measured on the same collection. `cut_by` are the settings that are not the
    defaults, by group, with which passages were cut.
    """

    name: str
    documents: tuple[DatasetDocument, ...]
    queries: Mapping[str, str]
    qrels: Qrels
    drop_identical_ids: bool = False
    records: Mapping[str, Record] = field(default_factory=dict)
    source_hash: str = ""
    cut_by: Mapping[str, JsonValue] = field(default_factory=dict)

    @cached_property
    def documents_hash(self) -> str:
        """SHA-256 of the documents."""
        if self.source_hash:
            return self.source_hash
        documents = [(item.doc_id, item.title, item.text) for item in self.documents]
        return content_hash(json.dumps(documents))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything that a result depends on."""
        qrels = sorted((query, sorted(grades.items())) for query, grades in self.qrels.items())
        rest = (sorted(self.queries.items()), qrels, self.drop_identical_ids)
        records = [json.dumps(self.records, sort_keys=True)] if self.records else []
        return content_hash(self.documents_hash, json.dumps(rest), *records)

    def record(self, query_id: str) -> dict[str, JsonValue]:
        """Return what is known of a query, its text under `query` and its id under `id`."""
        known = dict(self.records.get(query_id, {}))
        return {"id": query_id, "query": self.queries[query_id], **known}

    def tags(self, query_id: str) -> Sequence[str]:
        """Return the tags of a query."""
        found = self.records.get(query_id, {}).get("tags")
        return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []

    @cached_property
    def document_ids(self) -> frozenset[str]:
        """The ids of all documents."""
        return frozenset(document.doc_id for document in self.documents)

    @property
    def judged_queries(self) -> dict[str, str]:
        """The queries that have a relevant document; only these are measured."""
        return {
            query_id: text
            for query_id, text in self.queries.items()
            if any(grade > 0 for grade in self.qrels.get(query_id, {}).values())
        }
