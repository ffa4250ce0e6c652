"""Nothing in the documentation belongs to one machine, or is left unfinished."""

import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ROOT, Page, all_pages

HOSTS = {
    "127.0.0.1",
    "api.cloudflare.com",
    "api.groq.com",
    "api.openai.com",
    "docs.ray.io",
    "example.com",
    "faiss.ai",
    "generativelanguage.googleapis.com",
    "github.com",
    "hooks.example.com",
    "keepachangelog.com",
    "lancedb.github.io",
    "openrouter.ai",
    "semver.org",
    "tickets.example",
    "wiki.lan",
    "www.ray.io",
    "www.rfc-editor.org",
    "www.sitemaps.org",
    "www.standardwebhooks.com",
    "vimeo.com",
    "www.youtube.com",
}
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.~])/(?:home|root|Users|work|workspace|builds?)/")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|TBD|FIRST_ANSWER)\b")


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
def test_words(page: Page) -> None:
    assert not SOMEBODYS_FOLDER.search(page.text)
    assert not UNFINISHED.search(page.text)


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
def test_hosts(page: Page) -> None:
    found = re.findall(r"https?://[^\s()\"'<>`\[\]]+", page.text)
    assert {urlsplit(url).hostname for url in found} <= HOSTS


def test_picture_needs_nothing_else() -> None:
    picture = (ROOT / "docs/assets/architecture.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags.isdisjoint({"script", "image", "foreignObject"})
    assert "prefers-color-scheme: dark" in picture
    assert [e for e in root if e.tag.endswith("title")], "screen readers need a title"
