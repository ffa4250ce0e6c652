"""`POST /ingest`: only what lies inside the allowed folders."""

from pathlib import Path

import httpx
import pytest

from serve_apps import problems
from serve_apps.services import Services
from tests.serve_apps.support import NotedLauncher, problem, wrong_fields


@pytest.fixture
def library(roots: Path) -> Path:
    """An allowed folder with files, and links that lead out of it and around in it."""
    (roots / "talks").mkdir()
    (roots / "talks" / "one %20 talk.md").write_text("# One")
    (roots.parent / "secret.txt").write_text("secret")
    (roots / "way-out.txt").symlink_to(roots.parent / "secret.txt")
    (roots / "folder-out").symlink_to(roots.parent)
    (roots / "inside.md").symlink_to(roots / "talks" / "one %20 talk.md")
    (roots / "loop").symlink_to(roots / "loop")
    return roots


async def ingest(client: httpx.AsyncClient, *sources: str, **fields: object) -> httpx.Response:
    """Ask for `sources`."""
    return await client.post("/ingest", json={"sources": sources, **fields})


async def test_files_and_folders_become_a_job(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher, library: Path
) -> None:
    answer = await ingest(
        client,
        library.as_uri(),
        (library / "talks" / "one %20 talk.md").as_uri(),
        namespace="studio",
        recursive=False,
        include=["*.md"],
        exclude=["draft*"],
        metadata={"by": "http"},
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/jobs/{body['job_id']}"
    assert launcher.submitted == [body["job_id"]]
    job = services.jobs.get(body["job_id"])
    assert job is not None
    request = job.request
    assert [source.uri for source in request.sources] == [
        library.as_uri(),
        (library / "talks" / "one %20 talk.md").as_uri(),
    ]
    assert (request.namespace, request.recursive) == ("studio", False)
    assert (request.include, request.exclude) == (["*.md"], ["draft*"])
    assert request.metadata == {"by": "http"}


async def test_a_link_that_stays_inside_is_followed(
    client: httpx.AsyncClient, library: Path
) -> None:
    answer = await ingest(
        client, f"file://localhost{library.as_posix().replace(' ', '%20')}/inside.md"
    )
    assert answer.json()["sources"] == [(library / "talks" / "one %20 talk.md").as_uri()]


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "way-out.txt",
        "folder-out/secret.txt",
        "talks/../../secret.txt",
        "%2e%2e/secret.txt",
        "../library with spaces and more",
        "loop",
    ],
)
async def test_nothing_outside_is_read(
    client: httpx.AsyncClient, library: Path, launcher: NotedLauncher, path: str
) -> None:
    (library.parent / "library with spaces and more").mkdir()
    answer = await ingest(client, f"file://{library}/{path}")
    told = problem(answer, problems.SOURCE_NOT_ALLOWED)
    assert wrong_fields(told) == ["sources.0"]
    assert launcher.submitted == []


async def test_what_is_outside_cannot_be_told_from_what_is_not_there(
    client: httpx.AsyncClient, library: Path
) -> None:
    there = await ingest(client, f"file://{library.parent}/secret.txt")
    missing = await ingest(client, f"file://{library.parent}/nothing.txt")
    assert there.json()["type"] == missing.json()["type"] == problems.SOURCE_NOT_ALLOWED.uri


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/hosts",
        "file:relative",
        "talk.md",
        "file://elsewhere/etc/hosts",
        "youtube:abc",
    ],
)
async def test_other_sources_are_refused_clearly(client: httpx.AsyncClient, uri: str) -> None:
    told = problem(await ingest(client, uri), problems.UNSUPPORTED_SOURCE)
    assert uri in told["detail"]


async def test_objects_in_the_allowed_buckets_become_a_job(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher
) -> None:
    services.settings.ingest.buckets = ["s3://media/talks", "s3://open"]
    sources = ["s3://media/talks/Über uns.pdf", "s3://media/talks", "s3://open"]
    answer = await ingest(client, *sources)
    assert answer.status_code == 202, answer.text
    expected = ["s3://media/talks/%C3%9Cber%20uns.pdf", "s3://media/talks", "s3://open/"]
    assert answer.json()["sources"] == expected
    assert launcher.submitted == [answer.json()["job_id"]]


@pytest.mark.parametrize(
    "uri", ["s3://media/talk", "s3://media/talks-of-others/x", "s3://media", "s3://opens/x"]
)
async def test_no_other_object_is_read(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher, uri: str
) -> None:
    for buckets in ([], ["s3://media/talks", "s3://open"]):
        services.settings.ingest.buckets = buckets
        told = problem(await ingest(client, uri), problems.SOURCE_NOT_ALLOWED)
        assert "PMOVES_INGEST__BUCKETS" in told["detail"]
    assert launcher.submitted == []


async def test_keys_in_a_source_are_not_repeated(client: httpx.AsyncClient) -> None:
    told = problem(await ingest(client, "s3://AKIA:hunter2@media/x"), problems.INVALID_REQUEST)
    assert "hunter2" not in str(told)


@pytest.mark.parametrize("suffix", ["/nothing.md", "/talks?x=1", "/talks#x", "/a%00b"])
async def test_paths_that_cannot_be_are_invalid(
    client: httpx.AsyncClient, library: Path, suffix: str
) -> None:
    answer = await ingest(client, f"file://{library}{suffix}")
    problem(answer, problems.INVALID_REQUEST)


async def test_without_allowed_folders_the_answer_says_how_to_open_one(
    client: httpx.AsyncClient, services: Services, library: Path
) -> None:
    services.settings.ingest.roots = []
    told = problem(await ingest(client, library.as_uri()), problems.SOURCE_NOT_ALLOWED)
    assert "PMOVES_INGEST__ROOTS" in told["detail"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"sources": []}, "sources"), ({"depth": 3}, "depth"), ({"include": [""]}, "include.0")],
)
async def test_wrong_fields_are_named(
    client: httpx.AsyncClient, library: Path, fields: dict[str, object], wrong: str
) -> None:
    answer = await client.post("/ingest", json={"sources": [library.as_uri()], **fields})
    assert wrong_fields(problem(answer, problems.INVALID_REQUEST)) == [wrong]


async def test_pages_sitemaps_and_lists_become_a_job(client: httpx.AsyncClient) -> None:
    sources = [
        "https://example.org/a.pdf",
        "sitemap+https://example.org/",
        "list+http://a.example/x",
    ]
    answer = await ingest(client, *sources, "https://example.org/a.pdf")
    assert answer.status_code == 202, answer.text
    assert answer.json()["sources"] == sources


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "sitemap+http://[::1]/",
        "https://user:word@example.org/",
        "http://2130706433/",
    ],
)
async def test_addresses_that_are_not_public_are_refused_at_once(
    client: httpx.AsyncClient, launcher: NotedLauncher, uri: str
) -> None:
    problem(await ingest(client, uri), problems.SOURCE_NOT_ALLOWED)
    assert launcher.submitted == []


@pytest.mark.parametrize("uri", ["list+file:///etc/passwd", "gopher://example.org/", "ftp://a/b"])
async def test_other_ways_in_are_refused(client: httpx.AsyncClient, uri: str) -> None:
    problem(await ingest(client, uri), problems.UNSUPPORTED_SOURCE)


async def test_a_dry_run_counts_what_a_job_would_take_up_and_starts_none(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher, library: Path
) -> None:
    (library / "clip.mp4").write_bytes(b"12345678")
    answer = await ingest(client, library.as_uri(), exclude=["inside.md"], dry_run=True)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    unread = {"changed": 0, "unchanged": 0, "over_budget": 0}
    assert body["lanes"] == {
        "documents": {"found": 1, "new": 1, "bytes": 5, **unread},
        "recordings": {"found": 1, "new": 1, "bytes": 8, **unread},
    }
    assert body["seconds"] == {"documents": None, "recordings": None}
    assert (body["total_seconds"], body["failures"]) == (None, [])
    assert (launcher.submitted, services.jobs.list().jobs) == ([], [])


async def test_a_dry_run_stays_inside_too(client: httpx.AsyncClient, library: Path) -> None:
    answer = await ingest(client, (library / "way-out.txt").as_uri(), dry_run=True)
    assert wrong_fields(problem(answer, problems.SOURCE_NOT_ALLOWED)) == ["sources.0"]
