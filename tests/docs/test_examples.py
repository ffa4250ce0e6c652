"""What the documentation tells people to type is really there."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from pydantic import BaseModel

from cluster.api_reference import description
from cluster.cli_reference import commands
from data_jobs.ingest import main as ingest
from retrieval.answering.wire import AnswerRequest
from retrieval.query import SearchRequest
from serve_apps.wire import IngestRequest, UpsertRequest
from tests.docs.pages import ROOT, Page, all_pages, read_page

BODIES: dict[str, type[BaseModel]] = {
    "/hirag/query": SearchRequest,
    "/hirag/answer": AnswerRequest,
    "/hirag/upsert-batch": UpsertRequest,
    "/ingest": IngestRequest,
}
PAGES = all_pages()

# They read the description of all routes and all commands.
pytestmark = pytest.mark.integration


def examples(program: str) -> list[tuple[str, list[str]]]:
    return [
        (page.name, words)
        for page in PAGES
        for words in page.commands()
        if words and words[0] == program
    ]


@cache
def options() -> dict[str, set[str]]:
    return {
        command.name or "": {option for given in command.params for option in given.opts}
        for command in commands()
    }


def longest_command(words: list[str]) -> str:
    found = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((name for name in found if name in options()), "")


def answers(method: str, path: str) -> bool:
    return any(
        re.fullmatch(re.sub(r"\{\w+\}", ".+", template), path) and method.lower() in operations
        for template, operations in description()["paths"].items()
    )


@pytest.mark.parametrize(("page", "words"), examples("pmoves"), ids=str)
def test_pmoves_example(page: str, words: list[str]) -> None:
    name = longest_command(words)
    assert name, f"{page}: there is no command {words[:3]}"
    given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert given <= options()[name], f"{page}: {name} does not know {given - options()[name]}"


@pytest.mark.parametrize(("page", "words"), examples("curl"), ids=str)
def test_curl_example(page: str, words: list[str]) -> None:
    url = next(word for word in words if word.startswith("http"))
    path = unquote(urlsplit(url).path)
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    if "-d" in words or "-F" in words:
        method = "POST"
    assert answers(method, path), f"{page}: nothing answers {method} {path}"
    if "-d" in words:
        BODIES[path].model_validate_json(words[words.index("-d") + 1])


@pytest.mark.parametrize(("page", "words"), examples("make"), ids=str)
def test_make_example(page: str, words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in words[1:] if "=" not in word} <= set(targets), page


def test_ray_job_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ingest(["--help"])
    known = capsys.readouterr().out
    found = [words for _, words in examples("ray") if "data_jobs.ingest" in words]
    assert found
    for words in found:
        given = words[words.index("data_jobs.ingest") :]
        assert all(word in known for word in given if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_blocks(page: Page) -> None:
    for block in page.blocks("json"):
        value = json.loads(block if block.lstrip().startswith("{") else f"{{{block}}}")
        if "query" in value and "hits" not in value:
            SearchRequest.model_validate(value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_yaml_blocks(page: Page) -> None:
    assert all(yaml.safe_load(block) for block in page.blocks("yaml"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_examples(page: Page) -> None:
    known = set(re.findall(r"`(PMOVES_[A-Z_]+)`", read_page("docs/settings.md").text))
    extra = {"PMOVES_DEBUG"}
    named = set(re.findall(r"\bPMOVES_[A-Z_]*[A-Z]\b", page.text))
    # Addresses of engines for the tests are no settings.
    named = {name for name in named if not name.startswith("PMOVES_TEST_")}
    assert named <= known | extra, named - known - extra


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Page) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.prose):
        if not target.startswith(("http", "#")):
            linked: Path = page.path.parent / target.partition("#")[0]
            assert linked.resolve().exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [read_page("README.md"), read_page("CONTRIBUTING.md")], ids=str)
def test_named_files_exist(page: Page) -> None:
    folders = r"(?:retrieval|data_jobs|serve_apps|cluster|eval|tests|docs)"
    for name in re.findall(rf"`({folders}/[\w./-]*\w)`", page.text):
        assert (ROOT / name).exists(), f"{page.name}: {name}"
