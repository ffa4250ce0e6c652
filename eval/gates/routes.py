"""`/eval/personas`: ask for a persona to be published, and see what its gate says."""

import json
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from eval.gates.contracts import REQUEST, schema
from eval.gates.definition import Gate
from eval.gates.errors import GateError
from eval.gates.gate import PersonaGate
from eval.gates.requests import MOST_BYTES
from eval.gates.results import GateRow
from eval.gates.stores.base import GateStore
from retrieval.chunk import JsonValue

T = TypeVar("T")
_Name = Annotated[str | None, Query(max_length=128, description="A persona's name.")]
_Required = Annotated[str, Query(max_length=128)]
_Version = Annotated[str | None, Query(max_length=128, description="A version of it.")]


class GateStanding(BaseModel):
    """A gate, and what was measured last; `passed` is None before the first run."""

    gate: Gate
    passed: bool | None
    results: list[GateRow] = Field(default_factory=list)


class GateList(BaseModel):
    """Every gate, stored and default."""

    gates: list[GateStanding]


def persona_routes(gate: PersonaGate) -> APIRouter:
    """Return the routes of `gate`; who may call them is for the application to say."""
    router = APIRouter(tags=["personas"])

    @router.post(
        "/eval/personas/publish",
        summary="Ask for a persona to be published",
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": _event()}}}},
    )
    async def publish(request: Request) -> Response:
        """Return `persona.published.v1` or `persona.publish.failed.v1`, always with status 200."""
        answer = await gate.answer(await _body(request))
        return Response(answer.to_json(), media_type="application/json")

    @router.get("/eval/personas", summary="List gates")
    async def standings(name: _Name = None, version: _Version = None) -> GateList:
        """Return gates with their thresholds and what was measured last."""
        gates = await _told(gate, lambda store: store.gates())
        rows = await _told(gate, lambda store: store.results(name, version))
        asked = [item for item in gates if name in (None, item.name)]
        chosen = [item for item in asked if version in (None, item.version)]
        return GateList(gates=[_standing(item, rows) for item in chosen])

    @router.get("/eval/personas/answers", summary="List answers")
    async def answers(
        name: _Required, version: _Required, limit: Annotated[int, Query(ge=1, le=200)] = 20
    ) -> Response:
        """Return the newest answers about a version of a persona, newest first."""
        found = await _told(gate, lambda store: store.answers(name, version, limit))
        return JSONResponse({"answers": [json.loads(text) for text in found]})

    @router.get("/eval/personas/answers/{request_id}", summary="Show an answer")
    async def show(request_id: str) -> Response:
        """Return the answer that a request was given."""
        found = await _told(gate, lambda store: store.answer(request_id))
        if found is None:
            raise HTTPException(404, f"There is no answer to a request {request_id!r}.")
        return Response(found, media_type="application/json")

    return router


async def _body(request: Request) -> bytes:
    """Return the body; of one that is too long, just so much that the gate refuses it."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            break
    return bytes(body[: MOST_BYTES + 1])


def _standing(item: Gate, rows: list[GateRow]) -> GateStanding:
    own = [row for row in rows if (row.name, row.version) == (item.name, item.version)]
    verdicts = [row.passed for row in own if row.passed is not None]
    return GateStanding(gate=item, passed=all(verdicts) if verdicts else None, results=own)


async def _told(gate: PersonaGate, work: Callable[[GateStore], T]) -> T:
    """Return what the store tells; 503 where it does not answer."""
    try:
        return await gate.call(work)
    except GateError as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from error


def _event() -> dict[str, JsonValue]:
    """Return a short description of the envelope; the contract itself is in `schemas`."""
    text: dict[str, JsonValue] = {"type": "string"}
    payload: dict[str, JsonValue] = {"type": "object", "title": str(schema(REQUEST)["title"])}
    names = ("id", "ts", "source", "correlation_id", "parent_id", "actor")
    properties: dict[str, JsonValue] = dict.fromkeys(names, text)
    properties |= {"topic": {"const": REQUEST}, "version": {"const": "v1"}, "payload": payload}
    required: list[JsonValue] = ["id", "topic", "ts", "version", "source", "payload"]
    return {"type": "object", "properties": properties, "required": required}
