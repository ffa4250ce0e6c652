"""`GET /namespaces`."""

import asyncio

from fastapi import APIRouter, Request

from serve_apps.caller import caller_of
from serve_apps.services import services_of
from serve_apps.wire import NamespaceList, NamespaceView

router = APIRouter(tags=["documents"])


@router.get("/namespaces", summary="List namespaces")
async def namespaces(request: Request) -> NamespaceList:
    """Return every namespace of the caller with its number of documents and chunks."""
    caller = caller_of(request)
    found = await asyncio.to_thread(services_of(request).corpus.namespaces)
    views = [
        NamespaceView(namespace=name, documents=counts.documents, chunks=counts.chunks)
        for name, counts in found.items()
        if caller.sees(name)
    ]
    return NamespaceList(namespaces=views)
