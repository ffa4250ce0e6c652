"""Signing in with a real browser, at the gateway as `pmoves up` composes it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cluster.evaluation_routes import evaluation_routes
from eval.report import write_files
from retrieval.corpus.store import Corpus
from serve_apps.api import create_app
from serve_apps.settings import AppArgs
from tests.embedders import WordEmbedder
from tests.eval.pages.browsing import LOOKS, Scheme, Tab, served
from tests.eval.pages.material import collection, report_for, run_of
from tests.serve_apps.support import make_key, services_over

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Guarded:
    """A gateway that asks for a key, and one of its keys."""

    address: str
    key: str


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, empty_home: Path, word_embedder: WordEmbedder
) -> Iterator[Guarded]:
    """A gateway with two runs and a key."""
    home = tmp_path_factory.mktemp("gateway") / "home"
    shutil.copytree(empty_home, home)
    dataset = collection()
    for day in (1, 2):
        run, folder = run_of(dataset, worse=day), home / f"evaluations/2026110{day}T090000Z/harbour"
        run.save(folder)
        write_files(report_for(run, dataset), {}, folder)
    settings = AppArgs(home=home)
    corpus = Corpus.open(settings.corpus_uri, word_embedder.identity)
    with services_over(corpus, word_embedder, settings) as services:
        key = make_key(services, "read")
        app = create_app(services, more=evaluation_routes(services))
        with served(app) as address:
            yield Guarded(address, key)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_form_fits_and_can_be_read(
    browser: Any, gateway: Guarded, size: str, scheme: Scheme
) -> None:
    tab = Tab(browser, size, scheme)
    page = tab.open(f"{gateway.address}/eval")
    tab.check("sign-in", size, scheme)
    page.close()


def test_a_reader_signs_in_looks_around_and_signs_out(browser: Any, gateway: Guarded) -> None:
    tab = Tab(browser)
    page = tab.open(f"{gateway.address}/eval/trends?metric=MRR")
    assert page.locator("h1").inner_text() == "Sign in"
    assert page.evaluate("document.activeElement.name") == "key"
    page.keyboard.type("not a key")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "This is not a key of this mesh."
    page.get_by_label("API key").fill(gateway.key)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{gateway.address}/eval/trends?metric=MRR"
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("link", name="All runs").click()
    page.get_by_label("20261101T090000Z/harbour is before").check()
    page.get_by_label("20261102T090000Z/harbour is after").check()
    page.get_by_role("button", name="Compare before and after").click()
    assert page.locator("#queries tbody tr").count() > 0
    api = page.context.request.get(f"{gateway.address}/eval/api/runs")
    assert api.status == 401
    page.get_by_role("button", name="Sign out").click()
    assert page.locator("h1").inner_text() == "Sign in"
    page.goto(f"{gateway.address}/eval")
    assert page.locator("h1").inner_text() == "Sign in"
    assert [text for text in tab.complaints if "401" not in text] == []
    page.close()


def evil(gateway: Guarded) -> FastAPI:
    """Return a page that reads the runs in the reader's name, and signs the reader out."""
    app = FastAPI()

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return f"""<form method="post" action="{gateway.address}/eval/sign-out">
        <button>win</button></form><script>
        fetch("{gateway.address}/eval", {{credentials: "include"}})
          .then((answer) => answer.text()).then((text) => {{ window.read = text; }})
          .catch(() => {{ window.read = "refused"; }});</script>"""

    return app


def test_a_page_of_another_port_neither_signs_in_nor_reads(browser: Any, gateway: Guarded) -> None:
    page = browser.new_page()
    page.goto(f"{gateway.address}/eval/sign-in")
    page.get_by_label("API key").fill(gateway.key)
    page.get_by_role("button", name="Sign in").click()
    assert page.locator("h1").inner_text() == "Evaluations"
    with served(evil(gateway)) as address:
        page.goto(address)
        page.wait_for_function("window.read")
        assert page.evaluate("window.read") == "refused"
        page.get_by_role("button", name="win").click()
        assert "other origins" in page.content()
    page.close()
