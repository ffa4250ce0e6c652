"""Health, readiness, metrics and admin."""

import re

import httpx
import pytest

from retrieval.chunk import JsonValue
from retrieval.settings import StateSettings
from serve_apps.api import create_app
from serve_apps.metric_table import METRICS
from serve_apps.report import without_secrets
from serve_apps.services import Services
from tests.serve_apps.support import client_of, item, search, upsert


async def test_alive_and_hint(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    hint = (await client.get("/")).json()
    assert hint["ok"] is True
    assert "/docs" in hint["hint"]


async def test_ready_has_a_line_a_part(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["ok"]) == (200, True)
    assert [part["name"] for part in body["parts"]] == ["corpus", "index", "embedder", "jobs"]
    assert all(part["ok"] and part["detail"] for part in body["parts"])


async def test_a_part_that_fails_is_named(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise OSError("/secret/path")

    monkeypatch.setattr(services.embedder, "embed_queries", fail)
    async with client_of(create_app(services)) as client:
        answer = await client.get("/readyz")
        parts = {part["name"]: part for part in answer.json()["parts"]}
        assert (answer.status_code, answer.json()["ok"]) == (503, False)
        assert (parts["embedder"]["ok"], parts["corpus"]["ok"]) == (False, True)
        assert "/secret" not in answer.text


async def test_the_lexical_side_answers_while_the_embedder_is_down(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(create_app(services)) as client:
        await upsert(client, item("doc-1", "microphone stands"))

        async def fail(_: object) -> None:
            raise OSError("gone")

        monkeypatch.setattr(services.embedder, "embed_queries", fail)
        answer = await search(client, "microphone")
        assert [entry["stage"] for entry in answer["degraded"]] == ["dense"]
        assert len(answer["hits"]) == 1
        exposed = (await client.get("/metrics")).text
    assert 'pmoves_search_degraded_total{reason="failed",stage="dense"} 1.0' in exposed


async def test_metrics_are_those_of_the_table(client: httpx.AsyncClient) -> None:
    stored = await upsert(client, item("doc-1", "one"), item("doc-2", "two"), {"doc_id": "bad"})
    await search(client, "one", use_rerank=True)
    await client.get("/made-up")
    await client.request("BREW", "/healthz")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    exposed = answer.text
    names = set(re.findall(r"^# TYPE (\S+)", exposed, re.MULTILINE))
    assert names == {metric.name for metric in METRICS}
    assert 'pmoves_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in exposed
    assert 'pmoves_http_requests_total{method="other",route="/healthz",status="405"} 1.0' in exposed
    assert "pmoves_upserted_chunks_total 2.0" in exposed
    assert "pmoves_rejected_items_total 1.0" in exposed
    assert 'pmoves_search_stage_seconds_count{stage="total"} 1.0' in exposed
    assert 'pmoves_search_degraded_total{reason="not_configured",stage="rerank"} 1.0' in exposed
    version = float(re.findall(r"^pmoves_index_version (\S+)", exposed, re.MULTILINE)[0])
    assert version >= stored["index_version"]
    assert "pmoves_index_lag_versions 0.0" in exposed
    assert "pmoves_index_lag_seconds 0.0" in exposed
    applied = re.findall(r"^pmoves_index_apply_seconds_(count|sum) (\S+)", exposed, re.MULTILINE)
    assert {name: float(value) > 0 for name, value in applied} == {"count": True, "sum": True}


async def test_document_ids_do_not_become_labels(client: httpx.AsyncClient) -> None:
    await client.get("/documents/private-name")
    exposed = (await client.get("/metrics")).text
    assert "private-name" not in exposed
    assert 'route="/documents/{doc_id:path}",status="404"' in exposed


async def test_stats_tell_the_state_of_every_stage(client: httpx.AsyncClient) -> None:
    await upsert(client, item("doc-1", "one"))
    body = (await client.get("/hirag/admin/stats")).json()
    assert body["index"]["vectors"] == {"pmoves": 1}
    assert body["projections"]["dense"]["lag_versions"] == 0
    assert body["embedding"]["dimension"] == 32
    assert body["stages"]["rerank"] == "not configured"
    assert body["settings"]["http"]["host"] == "127.0.0.1"
    assert (body["alpha"], body["rerank_enabled"]) == (0.7, False)


async def test_stats_hold_no_secrets(services: Services) -> None:
    app = create_app(services)
    services.settings.state = StateSettings(url="postgresql://pmoves:hunter2@db/state")
    async with client_of(app) as client:
        answer = await client.get("/hirag/admin/stats")
    assert "hunter2" not in answer.text
    assert answer.json()["settings"]["state"]["url"] == "postgresql://pmoves:***@db/state"


def test_secrets_are_blanked_by_name_and_in_urls() -> None:
    values: dict[str, JsonValue] = {
        "api_key": "k",
        "nested": {"token": "t", "port": 1, "url": "s3://user:pw@h/b"},
    }
    assert without_secrets(values) == {
        "api_key": "***",
        "nested": {"token": "***", "port": 1, "url": "s3://user:***@h/b"},
    }


@pytest.mark.parametrize("path", ["/hirag/admin/refresh", "/hirag/admin/cache/clear"])
async def test_a_refresh_shows_what_others_have_written(
    client: httpx.AsyncClient, services: Services, path: str
) -> None:
    before = (await client.post(path)).json()
    services.corpus.delete_document("pmoves", "nothing")
    body = (await client.post(path)).json()
    assert body["ok"] is True
    assert body["index_version"] == services.corpus.version >= before["index_version"]
    assert body["last_refresh"] > before["last_refresh"]
