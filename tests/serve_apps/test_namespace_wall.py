"""No request of a key for one namespace shows anything of another one.

Hypothesis looks for such a request. What is secret never stands in a request, so
it must never stand in an answer; and a foreign thing that is there must be
answered like one that is not.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.chunk import Chunk, Document, DocumentError, Locator
from retrieval.jobs import JobRequest, SourceItem
from retrieval.llm.client import HttpChat
from retrieval.llm.settings import LlmSettings
from serve_apps.answering import Answering
from serve_apps.api import create_app
from serve_apps.services import Services
from tests.openai_server import OpenAiServer
from tests.serve_apps.support import bearer, client_of, make_key

OWN, FOREIGN, MISSING = "lab", "vault", "vaule"
# Each foreign name that somebody may guess, with one of the same length that is not there.
TWINS = {
    FOREIGN: MISSING,
    "ledger-1": "ledger-9",
    "ledger-1-0": "ledger-9-0",
    "job-20260101T000000000000-aaaaaaaa": "job-20260101T000000000000-bbbbbbbb",
}
DOCUMENT, CHUNK, JOB = list(TWINS)[1:]
SECRETS = ("quokkatitle", "quokkatext", "quokkasource", "quokkameta", "quokkaerror", "quokkapath")
# What differs from one call to the next, whoever asks.
VOLATILE = {"request_id", "timings_ms", "index_version", "updated_at", "created_at", "job_id",
            "last_refresh"}  # fmt: skip
Request = dict[str, Any]

namespaces = st.sampled_from([OWN, FOREIGN, OWN, "pmoves", f"{OWN}.{FOREIGN}"])
names = st.sampled_from([DOCUMENT, CHUNK, "own-1", f"{FOREIGN}/{DOCUMENT}", f"../{FOREIGN}"])
words = st.sampled_from(["accounts", "of the year", "tea", FOREIGN, DOCUMENT, "namespace:vault"])
fields = st.sampled_from(
    ["namespace", "doc_id", "chunk_id", "source", "media_type", "metadata.owner", "created_at",
     "metadata.namespace", "metadata.x') OR (namespace = 'vault", "title"]
)  # fmt: skip
values = st.one_of(
    namespaces, names, st.booleans(), st.integers(-1, 9), st.just("' OR namespace = 'vault' --")
)
conditions = st.dictionaries(
    st.sampled_from(["gte", "lte", "gt", "lt", "ne", "exists"]), values, min_size=1, max_size=2
)
filters = st.dictionaries(
    fields, st.one_of(values, st.lists(values, min_size=1, max_size=3), conditions), max_size=2
)


def optional(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw any of the entries."""
    return st.fixed_dictionaries({}, optional=more)


queries = st.builds(
    lambda query, more: {"method": "POST", "url": "/hirag/query", "json": {"query": query, **more}},
    words,
    optional(
        namespace=namespaces,
        namespaces=st.lists(namespaces, min_size=1, max_size=3),
        filters=filters,
        mode=st.sampled_from(["hybrid", "dense", "lexical"]),
        explain=st.booleans(),
        k=st.integers(1, 200),
    ),
)
items = st.fixed_dictionaries(
    {"doc_id": names, "chunk_id": names, "text": words},
    optional={"namespace": namespaces, "payload": st.fixed_dictionaries({"namespace": namespaces})},
)
upserts = st.builds(
    lambda found, replace: {
        "method": "POST",
        "url": "/hirag/upsert-batch",
        "json": {"items": found, "replace": replace},
    },
    st.lists(items, min_size=1, max_size=3),
    st.booleans(),
)
uploads = st.builds(
    lambda form: {
        "method": "POST",
        "url": "/documents",
        "data": form,
        "files": {"files": ("note.md", b"# Tea")},
    },
    optional(namespace=namespaces, doc_id=names),
)
lists = st.builds(
    lambda url, params: {"method": "GET", "url": url, "params": params},
    st.sampled_from(
        [
            "/documents",
            "/quarantine",
            "/jobs",
            "/schedules",
            "/namespaces",
            "/hirag/admin/stats",
            "/metrics",
        ]
    ),
    optional(
        namespace=st.lists(namespaces, max_size=2),
        source=st.sampled_from(["file:///own", FOREIGN]),
        status=st.sampled_from(["ready", "quarantined", "deleted"]),
        limit=st.integers(1, 3),
        cursor=st.sampled_from([JOB, "WyJ2YXVsdCIsICIiXQ==", "zzz"]),
    ),
)
single = st.builds(
    lambda method, kind, name, params: {
        "method": method,
        "url": f"/{kind}/{quote(name, safe='')}",
        "params": params,
    },
    st.sampled_from(["GET", "DELETE"]),
    st.sampled_from(["documents", "jobs", "schedules"]),
    st.one_of(names, st.just(JOB)),
    optional(namespace=namespaces),
)
failed = st.builds(
    lambda what, found, more: {
        "method": "POST",
        "url": f"/quarantine/{what}",
        "json": {"doc_ids": found, **more},
    },
    st.sampled_from(["retry", "ignore"]),
    st.lists(names, min_size=1, max_size=2),
    optional(namespace=namespaces),
)
answers = queries.map(lambda made: {**made, "url": "/hirag/answer"})
requests = st.one_of(queries, answers, upserts, uploads, lists, single, failed)


@pytest.fixture
async def insider(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the mightiest key that one namespace can have."""
    await store(services, FOREIGN, DOCUMENT, CHUNK, JOB, *SECRETS)
    await store(services, OWN, "own-1", "own-1-0", "job-own", *["plain"] * 6)
    services.settings.search.namespace = "pmoves"
    key = make_key(services, "admin", OWN)
    async with client_of(create_app(replace(services, answering=parroting(services)))) as client:
        client.headers.update(bearer(key))
        yield client


def parroting(services: Services) -> Answering:
    """Return a language model that repeats all that it was told, and cites whatever there is."""

    def repeat(body: dict[str, Any]) -> str:
        said = "".join(message["content"] for message in body["messages"])
        return json.dumps({"sentences": [{"text": said, "passages": list(range(1, 9))}]})

    llm = LlmSettings(provider="vllm", url="http://llm.test", model="m")
    settings = services.settings.model_copy(update={"llm": llm})
    chat = HttpChat(llm, OpenAiServer(reply=repeat).transport())
    return Answering(chat, settings, services.metrics)


async def store(
    services: Services, namespace: str, doc_id: str, chunk_id: str, job_id: str, *secrets: str
) -> None:
    """Store a document, a failed one, and a job, of which each tells some of `secrets`."""
    title, text, source, owner, failure, path = secrets
    chunk = Chunk(
        namespace=namespace,
        doc_id=doc_id,
        chunk_id=chunk_id,
        text=f"The accounts of the year, {text}.",
        source=f"file:///{source}",
        title=title,
        metadata={"owner": owner},
        locator=Locator(page=1),
    )
    vectors = await services.embedder.embed_passages([chunk.text])
    error = DocumentError("parse", "UnreadableFileError", failure)
    ledger = [
        Document(namespace, doc_id, f"file:///{source}", "ready", title=title, chunks=1),
        Document(namespace, f"{doc_id}-bad", f"file:///{path}", "quarantined", error=error),
    ]
    services.corpus.commit([chunk], vectors, documents=ledger)
    request = JobRequest(namespace=namespace, sources=[SourceItem(uri=f"file:///{path}")])
    services.schedules.create(request, "0 3 * * *")
    services.jobs.create(request, job_id)
    services.jobs.finish(job_id, "failed", failure)


def swapped(value: Any, pairs: dict[str, str]) -> Any:
    """Return `value` with names replaced, whole tokens and the longest first."""
    text = json.dumps(value)
    for at, old in enumerate(sorted(pairs, key=len, reverse=True)):
        text = text.replace(old, f"\x01{at}\x02")
    for at, old in enumerate(sorted(pairs, key=len, reverse=True)):
        text = text.replace(f"\x01{at}\x02", pairs[old])
    return json.loads(text)


def twin_of(request: Request) -> Request:
    """Return the same request about things that are not there."""
    files = {name: request[name] for name in ("files",) if name in request}
    plain = {name: value for name, value in request.items() if name not in files}
    return {**swapped(plain, TWINS), **files}


def stable(answer: httpx.Response) -> tuple[int, Any]:
    """Return what an answer tells, without what differs from call to call."""
    if not answer.headers["content-type"].startswith("application"):
        return answer.status_code, None
    return answer.status_code, without_volatile(answer.json())


def without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: without_volatile(v) for n, v in value.items() if n not in VOLATILE}
    return [without_volatile(part) for part in value] if isinstance(value, list) else value


def foreign_state(services: Services) -> tuple[Any, ...]:
    """Return all that is kept of the foreign namespace."""
    corpus = services.corpus
    rows = corpus.dataset().to_table(filter=f"namespace = '{FOREIGN}'").to_pylist()
    job = services.jobs.get(JOB)
    schedules = services.schedules.list([FOREIGN]).schedules
    return corpus.documents([FOREIGN]).documents, rows, job, schedules


@pytest.mark.integration
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(request=requests)
async def test_no_request_shows_or_moves_anything_foreign(
    insider: httpx.AsyncClient, services: Services, request: Request
) -> None:
    before = foreign_state(services)
    answer = await insider.request(**request)
    seen = answer.text + str(answer.headers)
    assert not [secret for secret in SECRETS if secret in seen], request
    assert answer.status_code < 500, answer.text
    assert foreign_state(services) == before
    if request["method"] != "GET" and "vault" not in json.dumps(request, default=str):
        return
    other = await insider.request(**twin_of(request))
    if answer.status_code >= 400 or other.status_code >= 400:
        undo = {new: old for old, new in TWINS.items()}
        assert (other.status_code, swapped(stable(other)[1], undo)) == stable(answer), request


async def test_lists_and_stats_hold_what_is_own(insider: httpx.AsyncClient) -> None:
    listed = (await insider.get("/documents")).json()["documents"]
    assert {row["namespace"] for row in listed} == {OWN}
    jobs = (await insider.get("/jobs")).json()["jobs"]
    assert [job["job_id"] for job in jobs] == ["job-own"]
    schedules = (await insider.get("/schedules")).json()["schedules"]
    assert [schedule["namespace"] for schedule in schedules] == [OWN]
    spaces = (await insider.get("/namespaces")).json()["namespaces"]
    assert [space["namespace"] for space in spaces] == [OWN]
    stats = (await insider.get("/hirag/admin/stats")).json()
    assert stats["index"]["vectors"] == {OWN: 1}
    assert stats["settings"]["search"]["namespace"] == "***"
    assert FOREIGN not in json.dumps(stats)


async def test_the_language_model_reads_the_own_passage_only(insider: httpx.AsyncClient) -> None:
    body = {"query": "accounts of the year quokka", "k": 200}
    answer = (await insider.post("/hirag/answer", json=body)).json()
    assert "The accounts of the year, plain" in answer["answer"]
    cited = [each["namespace"] for part in answer["sentences"] for each in part["citations"]]
    assert cited == [OWN]


async def test_the_search_finds_the_own_passage_only(insider: httpx.AsyncClient) -> None:
    body = {"query": "accounts of the year quokka", "k": 200}
    hits = (await insider.post("/hirag/query", json=body)).json()["hits"]
    assert [hit["namespace"] for hit in hits] == [OWN]
