"""`POST /documents`: files stream into a folder of their own and become a job."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps import problems
from serve_apps.form import FormReader
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from serve_apps.uploads import display_name
from tests.serve_apps.support import NotedLauncher, bearer, make_key, problem, wrong_fields

Files = list[tuple[str, tuple[str | None, bytes]]]


def uploads(settings: AppArgs) -> list[Path]:
    """Return the folders of uploads that are there."""
    folder = settings.home / "uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


def files(*named: tuple[str, bytes]) -> Files:
    """Return file parts."""
    return [("files", entry) for entry in named]


async def test_files_become_a_job(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher
) -> None:
    answer = await client.post(
        "/documents",
        files=files(
            ("notes.md", b"# Notes"), ("empty.txt", b""), ("große Liste.csv", b"a,b" * 9999)
        ),
        data={"namespace": "studio", "metadata": '{"show": 12}'},
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/jobs/{body['job_id']}"
    assert (body["state"], body["namespace"]) == ("queued", "studio")
    assert launcher.submitted == [body["job_id"]]
    job = services.jobs.get(body["job_id"])
    assert job is not None
    assert job.runner_id == f"run-{job.job_id}"
    assert job.request.metadata == {"show": 12}
    stored = {source.name: Path(source.path or "") for source in job.request.sources}
    assert list(stored) == ["notes.md", "empty.txt", "große Liste.csv"]
    assert [path.read_bytes() for path in stored.values()] == [b"# Notes", b"", b"a,b" * 9999]
    assert {path.parent for path in stored.values()} == {
        services.settings.home / "uploads" / job.job_id
    }
    assert unquote(body["sources"][2]) == "upload:große Liste.csv"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a\x00b", "..", "\r\nx: y"]
)
async def test_a_file_name_never_becomes_a_path(
    client: httpx.AsyncClient, services: Services, name: str
) -> None:
    answer = await client.post("/documents", files=files((name, b"data")))
    assert answer.status_code == 202, answer.text
    job = services.jobs.get(answer.json()["job_id"])
    assert job is not None
    (source,) = job.request.sources
    assert Path(source.path or "") == services.settings.home / "uploads" / job.job_id / "0001"
    assert source.name is not None
    assert not set(source.name) & set("/\\\x00\r\n")


@given(st.text())
def test_display_names_hold_no_folder_and_no_control_character(name: str) -> None:
    shown = display_name(name)
    assert 0 < len(shown) <= 255
    assert not any(character in shown for character in "/\\\x00\r\n\t")


async def test_one_document_may_be_named(client: httpx.AsyncClient, services: Services) -> None:
    answer = await client.post(
        "/documents", files=files(("a.md", b"x")), data={"doc_id": "my/document"}
    )
    job = services.jobs.get(answer.json()["job_id"])
    assert job is not None
    assert job.request.sources[0].doc_id == "my/document"


@pytest.mark.parametrize(
    ("parts", "fields", "wrong"),
    [
        ([], {"namespace": "a"}, "files"),
        (files(("a", b"1"), ("b", b"2")), {"doc_id": "x"}, "doc_id"),
        (files(("a", b"1"), ("a", b"2")), {}, "files"),
        (files(("a", b"1")), {"namespace": "no spaces"}, "namespace"),
        (files(("a", b"1")), {"colour": "red"}, "colour"),
        (files(("a", b"1")), {"metadata": "[1]"}, "metadata"),
        ([("document", ("a", b"1"))], {}, "document"),
    ],
)
async def test_wrong_forms_are_refused_and_leave_nothing(
    client: httpx.AsyncClient,
    settings: AppArgs,
    launcher: NotedLauncher,
    parts: Files,
    fields: dict[str, str],
    wrong: str,
) -> None:
    # A part without a file name is a field; it keeps the form multipart without files.
    parts = parts or [("namespace", (None, b"a"))]
    data = {} if parts[0][0] == "namespace" else fields
    answer = await client.post("/documents", files=parts, data=data)
    assert wrong_fields(problem(answer, problems.INVALID_REQUEST)) == [wrong]
    assert uploads(settings) == []
    assert launcher.submitted == []


@pytest.mark.parametrize("text", ["{nope", '{"a": NaN}', '{}, "namespace": "other"'])
async def test_metadata_that_is_not_json_is_refused(
    client: httpx.AsyncClient, settings: AppArgs, text: str
) -> None:
    answer = await client.post("/documents", files=files(("a", b"1")), data={"metadata": text})
    assert wrong_fields(problem(answer, problems.INVALID_REQUEST)) == ["metadata"]
    assert uploads(settings) == []


async def test_uploads_over_the_size_limit_are_refused(
    client: httpx.AsyncClient, settings: AppArgs
) -> None:
    answer = await client.post("/documents", files=files(("big.bin", b"x" * 300_000)))
    assert problem(answer, problems.TOO_LARGE)["limits"]["max_upload_bytes"] == 262_144
    assert uploads(settings) == []


async def test_the_size_limit_holds_while_streaming(
    client: httpx.AsyncClient, settings: AppArgs
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        while sent < 10_000_000:
            sent += 65_536
            yield b"x" * 65_536

    answer = await client.post(
        "/documents",
        content=endless(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    problem(answer, problems.TOO_LARGE)
    assert sent < 1_000_000
    assert uploads(settings) == []


async def test_too_many_files_are_refused(client: httpx.AsyncClient, settings: AppArgs) -> None:
    answer = await client.post("/documents", files=files(*((f"f{at}", b"x") for at in range(6))))
    assert problem(answer, problems.TOO_LARGE)["limits"] == {"max_upload_files": 5}
    assert uploads(settings) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"no boundary in here"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nhalf a fi',
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ),
    ],
)
async def test_damaged_forms_are_refused(
    client: httpx.AsyncClient, settings: AppArgs, kind: str, body: bytes
) -> None:
    answer = await client.post("/documents", content=body, headers={"Content-Type": kind})
    problem(answer, problems.MALFORMED_BODY)
    assert uploads(settings) == []


async def test_without_a_cluster_the_job_fails_and_the_files_go(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher
) -> None:
    launcher.broken = True
    answer = await client.post("/documents", files=files(("a.md", b"x")))
    told = problem(answer, problems.UNAVAILABLE)
    assert "10.1.2.3" not in answer.text
    assert told["request_id"] in told["detail"]
    (job,) = services.jobs.list().jobs
    assert (job.state, job.error) == ("failed", "no cluster at 10.1.2.3:6379")
    assert uploads(services.settings) == []


async def test_a_foreign_namespace_ends_an_upload_before_its_files(
    client: httpx.AsyncClient, services: Services, settings: AppArgs
) -> None:
    token = make_key(services, "ingest", "mine")
    services.keyring.load()
    sent = 0

    async def form() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="namespace"\r\n\r\ntheirs\r\n--b\r\n'
        yield b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        while True:
            sent += 1
            yield b"x" * 1_024

    headers = bearer(token) | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/documents", content=form(), headers=headers)
    problem(answer, problems.FORBIDDEN)
    # The settings of these tests would take 256 of them.
    assert sent <= 2
    assert uploads(settings) == []


CONTENTS = [b"first file", b"", b"--b\r\nnot a boundary, quite", bytes(range(256)) * 3]
FORM = b"".join(
    b'--bound\r\nContent-Disposition: form-data; name="files"; filename="f%d"\r\n\r\n%s\r\n'
    % (number, content)
    for number, content in enumerate(CONTENTS)
) + (b'--bound\r\nContent-Disposition: form-data; name="namespace"\r\n\r\nstudio\r\n--bound--\r\n')


@given(cuts=st.lists(st.integers(0, len(FORM)), max_size=12))
def test_a_form_reads_the_same_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    reader = FormReader(
        b"bound", tmp_path_factory.mktemp("form") / "upload", max_files=9, check=lambda *_: None
    )
    edges = [0, *sorted(cuts), len(FORM)]
    for start, end in pairwise(edges):
        reader.write(FORM[start:end])
    received = reader.finish()
    assert [name for name, _ in received] == ["f0", "f1", "f2", "f3"]
    assert [path.read_bytes() for _, path in received] == CONTENTS
    assert reader.fields == {"namespace": "studio"}
