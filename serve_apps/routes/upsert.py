"""`POST /hirag/upsert-batch`."""

import asyncio

from fastapi import APIRouter, Request

from retrieval.corpus.store import Commit
from retrieval.indexing import index_chunks
from serve_apps.access_log import note_namespaces
from serve_apps.background import refresh
from serve_apps.body import read_body
from serve_apps.caller import caller_of
from serve_apps.openapi import json_body
from serve_apps.services import services_of
from serve_apps.upserts import parse_batch
from serve_apps.wire import UpsertRequest, UpsertResponse

router = APIRouter(tags=["ingest"])


@router.post("/hirag/upsert-batch", summary="Store chunks", openapi_extra=json_body(UpsertRequest))
async def upsert_batch(request: Request) -> UpsertResponse:
    """Embed and store chunks that somebody else has cut; bad items are named, good ones land."""
    services, caller = services_of(request), caller_of(request)
    http, default = services.settings.http, services.settings.search.namespace
    namespace = caller.fallback(default)
    body = await read_body(request, http.max_batch_bytes, "max_batch_bytes")
    batch = await asyncio.to_thread(parse_batch, body, http.max_batch_items, namespace)
    caller.require(*dict.fromkeys(chunk.namespace for chunk in batch.chunks))
    services.metrics.count("pmoves_rejected_items_total", by=len(batch.rejected))
    note_namespaces(request, sorted({chunk.namespace for chunk in batch.chunks}))
    commit = Commit(services.searcher.version)
    if batch.chunks:
        commit = await index_chunks(
            services.corpus,
            services.embedder,
            batch.chunks,
            replace=batch.replace,
            relations=services.relations,
        )
        services.metrics.count("pmoves_upserted_chunks_total", by=commit.upserted)
        await refresh(services)
    return UpsertResponse(
        ok=bool(batch.chunks) or not batch.rejected,
        upserted=commit.upserted,
        unchanged=commit.unchanged,
        lexical_indexed=commit.upserted,
        rejected=batch.rejected,
        index_version=commit.version,
    )
