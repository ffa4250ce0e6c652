"""Every route, asked with every role and every kind of key that is none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from cluster.evaluation_routes import evaluation_routes
from eval.report import write_files
from retrieval.chunk import Document
from retrieval.jobs import JobRequest
from retrieval.state.keys import GRANTS, KeyStore, Role
from serve_apps import api, problems
from serve_apps.policy import RULES, SIGN_IN, SIGN_OUT, UNLISTED, rule_for
from serve_apps.problems import ProblemType
from serve_apps.services import Services
from tests.eval.pages.material import collection, report_for, run_of
from tests.serve_apps.support import bearer, client_of, item, make_key, problem, session_of

Call = tuple[str, str]


def create_app(services: Services) -> FastAPI:
    """Return the gateway with everything that `pmoves up` puts behind its doors."""
    return api.create_app(services, more=evaluation_routes(services))


@dataclass(frozen=True)
class Case:
    """How a route is asked about `namespace`, and what answers when all is well."""

    ask: Callable[[Services, str], dict[str, Any]]
    status: int = 200
    foreign: ProblemType | None = None


def plain(path: str) -> Callable[[Services, str], dict[str, Any]]:
    """Ask for a path that knows no namespace."""
    return lambda _services, _namespace: {"url": path}


def listed(path: str) -> Callable[[Services, str], dict[str, Any]]:
    """Ask for a list out of one namespace."""
    return lambda _services, namespace: {"url": path, "params": {"namespace": namespace}}


def document(services: Services, namespace: str) -> dict[str, Any]:
    """Ask for a document that is there."""
    services.corpus.record([Document(namespace, "doc", "file:///doc", "ready")])
    return {"url": "/documents/doc", "params": {"namespace": namespace}}


def job(services: Services, namespace: str) -> dict[str, Any]:
    """Ask for a job that is there."""
    made = services.jobs.create(JobRequest(namespace=namespace, sources=[]))
    return {"url": f"/jobs/{made.job_id}"}


def job_call(name: str) -> Callable[[Services, str], dict[str, Any]]:
    """Ask something of a job that is there."""
    return lambda services, namespace: {"url": f"{job(services, namespace)['url']}/{name}"}


def evaluation(path: str, **params: str) -> Callable[[Services, str], dict[str, Any]]:
    """Ask for a page about an evaluation that is there."""

    def ask(services: Services, _namespace: str) -> dict[str, Any]:
        dataset = collection("set")
        run, folder = run_of(dataset), services.settings.home / "evaluations" / "one" / "set"
        run.save(folder)
        write_files(report_for(run, dataset), {}, folder)
        return {"url": path, "params": params}

    return ask


def query(_services: Services, namespace: str) -> dict[str, Any]:
    """Search."""
    return {"url": "/hirag/query", "json": {"query": "tea", "namespace": namespace}}


def question(_services: Services, namespace: str) -> dict[str, Any]:
    """Have a question answered, for which there is no language model."""
    return {"url": "/hirag/answer", "json": {"query": "tea", "namespace": namespace}}


def batch(_services: Services, namespace: str) -> dict[str, Any]:
    """Store a passage."""
    entry = item("doc-1", "A passage.", namespace=namespace)
    return {"url": "/hirag/upsert-batch", "json": {"items": [entry]}}


def label(_services: Services, _namespace: str) -> dict[str, Any]:
    """Name the reranker, of which there is none."""
    return {"url": "/hirag/admin/reranker/model/label", "json": {"label": "mine"}}


def upload(_services: Services, namespace: str) -> dict[str, Any]:
    """Send a file."""
    files = {"files": ("a.md", b"# A")}
    return {"url": "/documents", "files": files, "data": {"namespace": namespace}}


def ingest(services: Services, namespace: str) -> dict[str, Any]:
    """Have an allowed folder read."""
    (root,) = services.settings.ingest.roots
    return {"url": "/ingest", "json": {"sources": [root.as_uri()], "namespace": namespace}}


def schedule(services: Services, namespace: str) -> dict[str, Any]:
    """Ask for a schedule that is there."""
    request = JobRequest(namespace=namespace, sources=[])
    made = services.schedules.create(request, "0 3 * * *")
    return {"url": f"/schedules/{made.schedule_id}"}


def retry(_services: Services, namespace: str) -> dict[str, Any]:
    """Have failed documents taken up again."""
    return {"url": "/quarantine/retry", "json": {"namespace": namespace}}


def ignore(_services: Services, namespace: str) -> dict[str, Any]:
    """Have a failed document ignored."""
    body = {"namespace": namespace, "doc_ids": ["doc"]}
    return {"url": "/quarantine/ignore", "json": body}


def form(_services: Services, _namespace: str) -> dict[str, Any]:
    """Sign in with a key that is none, which never tells more than that."""
    return {"url": SIGN_IN, "data": {"key": "secret"}}


PAGES = ("/eval", "/eval/runs/{time}/{collection}", "/eval/compare", "/eval/trends")
BOTH = {"first": "one/set", "second": "one/set"}
FORBIDDEN, NOT_FOUND = problems.FORBIDDEN, problems.NOT_FOUND
CASES: dict[Call, Case] = {
    ("POST", "/hirag/query"): Case(query, foreign=FORBIDDEN),
    ("POST", "/hirag/answer"): Case(question, 501, foreign=FORBIDDEN),
    ("POST", "/hirag/upsert-batch"): Case(batch, foreign=FORBIDDEN),
    ("GET", "/documents"): Case(listed("/documents"), foreign=FORBIDDEN),
    ("POST", "/documents"): Case(upload, 202, foreign=FORBIDDEN),
    ("GET", "/documents/{doc_id:path}"): Case(document, foreign=FORBIDDEN),
    ("DELETE", "/documents/{doc_id:path}"): Case(document, foreign=FORBIDDEN),
    ("GET", "/quarantine"): Case(listed("/quarantine"), foreign=FORBIDDEN),
    ("POST", "/quarantine/retry"): Case(retry, 202, foreign=FORBIDDEN),
    ("POST", "/quarantine/ignore"): Case(ignore, foreign=FORBIDDEN),
    ("POST", "/ingest"): Case(ingest, 202, foreign=FORBIDDEN),
    ("GET", "/jobs"): Case(listed("/jobs"), foreign=FORBIDDEN),
    ("GET", "/jobs/{job_id}"): Case(job, foreign=NOT_FOUND),
    ("DELETE", "/jobs/{job_id}"): Case(job, 202, foreign=NOT_FOUND),
    ("POST", "/jobs/{job_id}/pause"): Case(job_call("pause"), 202, foreign=NOT_FOUND),
    ("POST", "/jobs/{job_id}/resume"): Case(job_call("resume"), 202, foreign=NOT_FOUND),
    ("GET", "/schedules"): Case(listed("/schedules"), foreign=FORBIDDEN),
    ("GET", "/schedules/{schedule_id}"): Case(schedule, foreign=NOT_FOUND),
    ("DELETE", "/schedules/{schedule_id}"): Case(schedule, foreign=NOT_FOUND),
    ("GET", "/namespaces"): Case(plain("/namespaces")),
    ("GET", "/hirag/admin/stats"): Case(plain("/hirag/admin/stats")),
    ("GET", "/hirag/admin/rerank-status"): Case(plain("/hirag/admin/rerank-status")),
    ("POST", "/hirag/admin/reranker/model/label"): Case(label, 404),
    ("POST", "/hirag/admin/refresh"): Case(plain("/hirag/admin/refresh")),
    ("POST", "/hirag/admin/cache/clear"): Case(plain("/hirag/admin/cache/clear")),
    ("GET", "/"): Case(plain("/")),
    ("GET", "/docs"): Case(plain("/docs")),
    ("GET", "/docs/oauth2-redirect"): Case(plain("/docs/oauth2-redirect")),
    ("GET", "/redoc"): Case(plain("/redoc")),
    ("GET", "/openapi.json"): Case(plain("/openapi.json")),
    ("GET", "/healthz"): Case(plain("/healthz")),
    ("GET", "/readyz"): Case(plain("/readyz")),
    ("GET", "/metrics"): Case(plain("/metrics")),
    ("GET", "/eval"): Case(plain("/eval")),
    ("GET", "/eval/runs/{time}/{collection}"): Case(evaluation("/eval/runs/one/set")),
    ("GET", "/eval/compare"): Case(evaluation("/eval/compare", **BOTH)),
    ("GET", "/eval/trends"): Case(plain("/eval/trends")),
    ("GET", SIGN_IN): Case(plain(SIGN_IN)),
    ("POST", SIGN_IN): Case(form, 401),
    ("POST", SIGN_OUT): Case(plain(SIGN_OUT), 303),
    ("GET", "/eval/api/runs"): Case(plain("/eval/api/runs")),
    ("GET", "/eval/api/runs/{time}/{collection}"): Case(evaluation("/eval/api/runs/one/set")),
    ("GET", "/eval/api/compare"): Case(evaluation("/eval/api/compare", **BOTH)),
    ("GET", "/eval/api/trends"): Case(evaluation("/eval/api/trends", metric="MRR")),
    ("GET", "/eval/api/gates"): Case(plain("/eval/api/gates")),
    ("POST", "/eval/personas/publish"): Case(plain("/eval/personas/publish")),
    ("GET", "/eval/personas"): Case(plain("/eval/personas")),
    ("GET", "/eval/personas/answers"): Case(plain("/eval/personas/answers?name=a&version=1")),
    ("GET", "/eval/personas/answers/{request_id}"): Case(plain("/eval/personas/answers/1"), 404),
}


def routes(services: Services) -> Iterator[Call]:
    """Yield every route of the application, those of FastAPI itself too."""
    routers: list[APIRouter] = [module.router for module in api._ROUTES]
    routers += evaluation_routes(services)
    found = [route for router in routers for route in router.routes]
    for route in [*found, *create_app(services).routes]:
        if isinstance(route, APIRoute | Route):
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, route.path


def test_every_route_has_a_rule_and_a_case(services: Services) -> None:
    found = set(routes(services))
    assert set(RULES) == found
    assert set(CASES) == found
    services.keyring.close()


async def ask(client: httpx.AsyncClient, call: Call, services: Services, where: str, **more: Any
) -> httpx.Response:  # fmt: skip
    """Ask `call` about the namespace `where`."""
    wanted = CASES[call].ask(services, where)
    return await client.request(call[0], **wanted, **more)


def bad_keys(services: Services) -> dict[str, dict[str, str]]:
    """Return headers that show no key that is good."""
    expired, revoked, good = (make_key(services, "admin") for _ in range(3))
    store = KeyStore(services.settings.state_url)
    store.revoke(revoked.split("_")[1])
    store.close()
    expire(services, expired)
    return {
        "none": {},
        "wrong": bearer(good[:-1] + ("0" if good[-1] != "0" else "1")),
        "unknown": bearer("pmk_" + "0" * 16 + "_" + "0" * 64),
        "no token": bearer("secret"),
        "other scheme": {"Authorization": f"Basic {good}"},
        "expired": bearer(expired),
        "revoked": bearer(revoked),
    }


def expire(services: Services, token: str) -> None:
    """Let a key's time be over."""
    engine = sa.create_engine(services.settings.state_url)
    with engine.begin() as connection:
        over = {"moment": "2026-01-01T00:00:00+00:00", "key_id": token.split("_")[1]}
        connection.execute(
            sa.text("UPDATE api_keys SET expires_at = :moment WHERE key_id = :key_id"), over
        )
    engine.dispose()


@pytest.mark.integration
async def test_without_a_good_key_nothing_opens(services: Services) -> None:
    headers = bad_keys(services)
    async with client_of(create_app(services)) as client:
        for call, rule in RULES.items():
            for kind, given in headers.items():
                answer = await ask(client, call, services, "own", headers=given)
                if rule.role is None or (rule.local and not given):
                    assert answer.status_code == CASES[call].status, (call, kind, answer.text)
                else:
                    problem(answer, problems.UNAUTHENTICATED)
                    assert answer.headers["www-authenticate"].startswith("Bearer"), (call, kind)
    assert [job.stop_requested for job in services.jobs.list().jobs if job.stop_requested] == []
    assert services.corpus.document("own", "doc").status == "ready"  # type: ignore[union-attr]


@pytest.mark.integration
@pytest.mark.parametrize("role", GRANTS)
async def test_each_role_opens_its_routes_in_its_namespaces(role: Role, services: Services) -> None:
    limited, unlimited = make_key(services, role, "own"), make_key(services, role)
    async with client_of(create_app(services)) as client:
        for call, case in CASES.items():
            rule = RULES[call]
            allowed = rule.role is None or rule.role in GRANTS[role]
            for where in ("own", "foreign"):
                answer = await ask(client, call, services, where, headers=bearer(unlimited))
                check(call, answer, case.status if allowed else FORBIDDEN)
                answer = await ask(client, call, services, where, headers=bearer(limited))
                refusal = FORBIDDEN if not allowed or rule.whole else None
                refusal = refusal or (case.foreign if where == "foreign" else None)
                check(call, answer, refusal or case.status)


def check(call: Call, answer: httpx.Response, expected: int | ProblemType) -> None:
    """Check the status, or the problem."""
    if isinstance(expected, int):
        assert answer.status_code == expected, (call, answer.text)
    else:
        problem(answer, expected)


@pytest.mark.integration
@pytest.mark.parametrize("role", GRANTS)
async def test_a_session_opens_pages_and_nothing_else(role: Role, services: Services) -> None:
    keys = {
        token: bool(own) for own in ((), ("own",)) for token in [make_key(services, role, *own)]
    }
    services.keyring.load()
    async with client_of(create_app(services)) as client:
        for token, limited in keys.items():
            headers = {"Cookie": await session_of(services, token)}
            for call, case in CASES.items():
                rule, answer = (
                    RULES[call],
                    await ask(client, call, services, "own", headers=headers),
                )
                if rule.page and limited:
                    check(call, answer, FORBIDDEN)
                elif rule.page or rule.role is None or rule.local:
                    check(call, answer, case.status)
                else:
                    check(call, answer, problems.UNAUTHENTICATED)
    assert {call for call, rule in RULES.items() if rule.page} <= {("GET", path) for path in PAGES}


async def test_an_unlisted_route_is_closed(services: Services) -> None:
    app = create_app(services)

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "open"

    assert rule_for("GET", "/forgotten") is UNLISTED
    limited, reader, admin = (
        make_key(services, "admin", "own"),
        make_key(services, "read"),
        make_key(services, "admin"),
    )
    services.keyring.load()
    async with client_of(app) as client:
        for key in (limited, reader):
            problem(await client.get("/forgotten", headers=bearer(key)), NOT_FOUND)
        problem(await client.get("/forgotten"), problems.UNAUTHENTICATED)
        assert (await client.get("/forgotten", headers=bearer(admin))).json() == "open"


async def test_wrong_methods_name_the_right_ones(services: Services) -> None:
    key = bearer(make_key(services, "read", "own"))
    async with client_of(create_app(services)) as client:
        answer = await client.put("/documents/a", headers=key)
        problem(answer, problems.METHOD_NOT_ALLOWED)
        assert answer.headers["allow"] == "DELETE, GET"
        problem(await client.get("/nowhere", headers=key), NOT_FOUND)


@pytest.mark.parametrize("role", GRANTS)
async def test_one_namespace_need_not_be_named(services: Services, role: Role) -> None:
    seed = bearer(make_key(services, "ingest", "own"))
    key = bearer(make_key(services, role, "own"))
    async with client_of(create_app(services)) as client:
        body = {"items": [item("doc-1", "Green tea.")]}
        stored = await client.post("/hirag/upsert-batch", json=body, headers=seed)
        assert stored.json()["upserted"] == 1
        found = (await client.post("/hirag/query", json={"query": "tea"}, headers=key)).json()
        assert [hit["namespace"] for hit in found["hits"]] == ["own"]
        shown = await client.get("/documents/doc", headers=key)
        assert shown.json()["namespace"] == "own"


async def test_several_namespaces_must_be_named(services: Services) -> None:
    key = bearer(make_key(services, "read", "one", "two"))
    async with client_of(create_app(services)) as client:
        problem(await client.post("/hirag/query", json={"query": "x"}, headers=key), FORBIDDEN)
        both = {"query": "x", "namespaces": ["one", "two"]}
        assert (await client.post("/hirag/query", json=both, headers=key)).status_code == 200
        mixed = {"query": "x", "namespaces": ["one", "three"]}
        problem(await client.post("/hirag/query", json=mixed, headers=key), FORBIDDEN)


async def test_one_foreign_item_spoils_an_upsert(services: Services) -> None:
    key = bearer(make_key(services, "ingest", "own"))
    async with client_of(create_app(services)) as client:
        items = [item("a-1", "mine"), item("b-1", "theirs", namespace="foreign")]
        answer = await client.post("/hirag/upsert-batch", json={"items": items}, headers=key)
        problem(answer, FORBIDDEN)
    assert services.corpus.namespaces() == {}


async def test_a_refused_upload_leaves_no_files(services: Services) -> None:
    key = bearer(make_key(services, "ingest", "own"))
    async with client_of(create_app(services)) as client:
        wanted = upload(services, "foreign")
        problem(await client.post(**wanted, headers=key), FORBIDDEN)
    folder = services.settings.home / "uploads"
    assert not folder.is_dir() or not list(folder.iterdir())
