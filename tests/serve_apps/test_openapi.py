"""The API description holds every call of the wire, whole and in terms of 3.1."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

CALLS = {
    "/": {"get"},
    "/hirag/query": {"post"},
    "/hirag/answer": {"post"},
    "/hirag/upsert-batch": {"post"},
    "/documents": {"get", "post"},
    "/documents/{doc_id}": {"get", "delete"},
    "/ingest": {"post"},
    "/jobs": {"get"},
    "/jobs/{job_id}": {"get", "delete"},
    "/jobs/{job_id}/pause": {"post"},
    "/jobs/{job_id}/resume": {"post"},
    "/schedules": {"get"},
    "/schedules/{schedule_id}": {"get", "delete"},
    "/quarantine": {"get"},
    "/quarantine/retry": {"post"},
    "/quarantine/ignore": {"post"},
    "/namespaces": {"get"},
    "/hirag/admin/stats": {"get"},
    "/hirag/admin/rerank-status": {"get"},
    "/hirag/admin/reranker/model/label": {"post"},
    "/hirag/admin/refresh": {"post"},
    "/hirag/admin/cache/clear": {"post"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture
async def description(client: httpx.AsyncClient) -> dict[str, Any]:
    """The description as it is served."""
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation with its name."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


async def test_every_call_is_described(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    found = {
        re.sub(":path", "", path): set(methods) for path, methods in description["paths"].items()
    }
    assert found == CALLS


async def test_every_call_says_what_it_does_and_how_it_fails(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        assert operation["summary"], name
        assert operation["description"], name
        assert "application/problem+json" in operation["responses"]["default"]["content"], name
        assert "422" not in operation["responses"], name


async def test_every_call_names_its_role(description: dict[str, Any]) -> None:
    roles = {name: operation["x-role"] for name, operation in operations(description)}
    assert roles["post /hirag/query"] == "read"
    assert roles["delete /documents/{doc_id}"] == "ingest"
    assert roles["get /hirag/admin/stats"] == "admin"
    assert {name for name, role in roles.items() if role is None} == {"get /healthz", "get /readyz"}
    assert description["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


async def test_bodies_that_are_read_by_hand_are_described(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert schemas["SearchRequest"]["additionalProperties"] is False
    assert {"query", "namespace", "alpha", "filters"} <= schemas["SearchRequest"][
        "properties"
    ].keys()
    for path, model in {
        "/hirag/query": "SearchRequest",
        "/hirag/answer": "AnswerRequest",
        "/hirag/upsert-batch": "UpsertRequest",
        "/ingest": "IngestRequest",
    }.items():
        content = description["paths"][path]["post"]["requestBody"]["content"]
        reference = content["application/json"]["schema"]["$ref"]
        assert reference == f"#/components/schemas/{model}"
    form = description["paths"]["/documents"]["post"]["requestBody"]["content"]
    assert "files" in form["multipart/form-data"]["schema"]["properties"]


async def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    references = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(description)))
    assert references
    assert references <= description["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/documents", "GET, POST"),
        ("/documents/a/b", "DELETE, GET"),
        ("/jobs/a", "DELETE, GET"),
        ("/hirag/query", "POST"),
    ],
)
async def test_every_method_of_a_path_is_told(
    client: httpx.AsyncClient, path: str, allowed: str
) -> None:
    answer = await client.request("PATCH", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_docs_pages_need_no_other_server(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    assert answer.status_code == 200
    assert "/openapi.json" in answer.text
    parts = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(parts) >= 2
    for part in parts:
        assert part.startswith("/")
        assert (await client.get(part)).status_code == 200
