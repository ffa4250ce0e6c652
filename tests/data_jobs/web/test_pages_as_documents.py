"""Pages go through the whole pipeline, and only those that have changed do so again."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from retrieval.ids import document_id
from retrieval.jobs import SourceItem
from tests.data_jobs.production import NAMESPACE, Production
from tests.data_jobs.web.site import Page, Site, serve


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as found:
        yield found


def production(home: Path, **settings: Any) -> Production:
    return Production(
        home,
        fetch={"private_hosts": ["127.0.0.1"]},
        web={"rate_per_s": 1_000, "attempts": 1},
        **settings,
    )


def html(text: str, head: str = "") -> str:
    return (
        f"<html><head><title>T</title>{head}</head><body><main><p>{text}</p></main></body></html>"
    )


def pdf(text: str) -> bytes:
    file = BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 720, text)
    canvas.save()
    return file.getvalue()


def test_pages_become_documents_and_are_fetched_again_only_when_they_change(
    site: Site, tmp_path: Path
) -> None:
    page = site.put("/a", html("The first page."))
    site.pages["/b"] = Page(pdf("The second is a PDF."), "application/octet-stream")
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in (page, f"{site.url}/b"))
    site.put("/sitemap.xml", f"<urlset>{entries}</urlset>")
    made = production(tmp_path)
    found = made.run(f"{site.url}/sitemap.xml")
    assert {outcome.outcome for outcome in found.values()} == {"ready"}
    assert made.texts() == ["The first page.", "The second is a PDF."]
    row = made.row(page)
    assert (row.media_type, row.title, row.source) == ("text/html", "T", page)
    assert made.row(f"{site.url}/b").media_type == "application/pdf"
    assert not list(made.settings.spool_dir.glob("*/*"))

    again = made.run(f"{site.url}/sitemap.xml")
    assert {outcome.outcome for outcome in again.values()} == {"skipped"}
    assert site.statuses[304] == 2

    site.put("/a", html("It has changed."))
    changed = made.run(f"{site.url}/sitemap.xml")
    assert [changed[name].outcome for name in "ab"] == ["ready", "skipped"]
    assert made.texts() == ["It has changed.", "The second is a PDF."]


def test_other_settings_read_an_unchanged_page_again(site: Site, tmp_path: Path) -> None:
    page = site.put("/a", html("Text."))
    production(tmp_path).run(page)
    other = production(tmp_path, chunking={"size": 100})
    assert other.run(page)["a"].outcome == "ready"
    assert other.run(page)["a"].outcome == "skipped"


def test_pages_without_validators_are_compared_by_their_bytes(site: Site, tmp_path: Path) -> None:
    page = site.put("/a", html("Text."), etag=False)
    made = production(tmp_path)
    made.run(page)
    assert made.run(page)["a"].outcome == "skipped"
    assert site.statuses[304] == 0
    assert not list(made.settings.spool_dir.glob("*/*"))


def test_a_page_is_known_by_its_canonical_url(site: Site, tmp_path: Path) -> None:
    site.put("/a", html("Text.", '<link rel="canonical" href="/story">'))
    site.pages["/moved"] = Page(status=301, headers={"Location": "/a?x=1"})
    site.put("/a?x=1", html("Text.", '<link rel="canonical" href="/story">'))
    made = production(tmp_path)
    made.run(f"{site.url}/a#part", f"{site.url}/moved")
    assert made.row(f"{site.url}/story").status == "ready"
    assert made.texts() == ["Text."]
    assert made.run(f"{site.url}/a")["story"].outcome == "skipped"


def test_an_id_that_was_given_stays(site: Site, tmp_path: Path) -> None:
    page = site.put("/a", html("Text.", '<link rel="canonical" href="/story">'))
    made = production(tmp_path)
    made.run(SourceItem(uri=page, doc_id="mine", name="story.html", metadata={"by": "hand"}))
    row = made.corpus.document(NAMESPACE, "mine")
    assert row is not None
    assert (row.source, row.metadata["by"]) == (f"{site.url}/story", "hand")


def test_failures_cost_their_page_alone_and_can_be_retried(site: Site, tmp_path: Path) -> None:
    good = site.put("/good", html("Good."))
    made = production(tmp_path)
    found = made.run(
        good, f"{site.url}/gone", "http://169.254.169.254/x", f"sitemap+{site.url}/none"
    )
    assert found["good"].outcome == "ready"
    assert (found["gone"].outcome, found["gone"].stage) == ("quarantined", "fetch")
    assert "status 404" in (found["gone"].message or "")
    assert "not a public address" in (found["x"].message or "")
    assert found["none"].stage == "list"
    assert not list(made.settings.spool_dir.glob("*/*"))
    site.put("/gone", html("Back."))
    assert made.run(f"{site.url}/gone")["gone"].outcome == "ready"


def test_a_page_that_is_gone_keeps_its_last_good_version(site: Site, tmp_path: Path) -> None:
    page = site.put("/a", html("Good."))
    made = production(tmp_path)
    made.run(page)
    site.put("/a", "broken", status=404)
    assert made.run(page)["a"].outcome == "quarantined"
    assert made.texts() == ["Good."]
    assert made.row(page).doc_id == document_id(page)


def test_the_charset_of_the_header_reaches_the_parser(site: Site, tmp_path: Path) -> None:
    text = html("Жили-были дед да баба.", '<meta charset="utf-8">')
    site.pages["/a"] = Page(text.encode("koi8-r"), "text/html; charset=koi8-r")
    made = production(tmp_path)
    made.run(f"{site.url}/a")
    assert made.texts() == ["Жили-были дед да баба."]
