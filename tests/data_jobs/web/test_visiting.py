"""Visits are polite, come back after trouble, and never go where they may not."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_jobs.errors import IngestError, LimitExceededError, SourceError, StoppedError
from data_jobs.patterns import PathFilter
from data_jobs.web.listing import WebLister
from data_jobs.web.pages import content_type, own_url, write_as_utf8
from data_jobs.web.settings import WebSettings
from data_jobs.web.sitemaps import LARGEST, sitemap_urls
from data_jobs.web.spool import discard_old
from data_jobs.web.turns import Turns
from data_jobs.web.visitor import Visit, Visitor
from retrieval.fetching.settings import FetchSettings
from tests.data_jobs.web.site import Page, Site, serve

FETCH = FetchSettings(private_hosts=["127.0.0.1"], user_agent="studio-bot/2")


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as found:
        yield found


def visitor(**settings: object) -> Visitor:
    web = WebSettings.model_validate({"rate_per_s": 1_000, **settings})
    return Visitor(FETCH, web, lambda: False)


def visit(url: str, path: Path, **settings: object) -> Visit:
    visiting = visitor(**settings)
    try:
        return visiting.visit(url, path / "page", 1_000)
    finally:
        visiting.close()


def test_robots_txt_is_obeyed_for_our_name(site: Site, tmp_path: Path) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /\n\nUser-agent: studio-bot\nDisallow: /in")
    site.put("/a", "a")
    site.put("/in/b", "b")
    assert visit(f"{site.url}/a", tmp_path).answer.ok
    with pytest.raises(SourceError, match=r"robots\.txt"):
        visit(f"{site.url}/in/b", tmp_path)
    assert visit(f"{site.url}/in/b", tmp_path, robots=False).answer.ok
    assert site.visits("/in/b") == 1
    assert site.agents == {"studio-bot/2"}


def test_robots_txt_is_read_once_and_its_absence_allows_all(site: Site, tmp_path: Path) -> None:
    visiting = visitor()
    for name in ("/a", "/b"):
        site.put(name, "x")
        assert visiting.visit(site.url + name, tmp_path / "page", 1_000).answer.ok
    visiting.close()
    assert site.visits("/robots.txt") == 1


def test_a_host_in_trouble_is_left_alone(site: Site, tmp_path: Path) -> None:
    site.put("/robots.txt", "", status=503)
    site.put("/a", "a")
    with pytest.raises(SourceError, match="status 503"):
        visit(f"{site.url}/a", tmp_path)
    assert site.visits("/a") == 0


@pytest.mark.parametrize("wish", ["Crawl-delay: 90", "Request-rate: 1/2m"])
def test_a_host_that_wants_long_pauses_is_left_alone(site: Site, tmp_path: Path, wish: str) -> None:
    site.put("/robots.txt", f"User-agent: *\n{wish}\n")
    with pytest.raises(SourceError, match="LONGEST_PAUSE"):
        visit(f"{site.url}/a", tmp_path)


def test_turns_are_spaced_for_each_host() -> None:
    now, waits = 0.0, []

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    turns = Turns(lambda: False, lambda: now, wait)
    for host in ("a", "b", "a", "a"):
        with turns.turn(host, 1.0):
            pass
    assert now == 2.0
    stopped = Turns(lambda: True, lambda: now, wait)
    with stopped.turn("a", 1.0):
        pass
    with pytest.raises(StoppedError), stopped.turn("a", 1.0):
        pass


def test_trouble_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.pages["/a"] = Page(b"there", status=503, times=2, headers={"Retry-After": "0"})
    assert visit(f"{site.url}/a", tmp_path).answer.status == 200
    assert (tmp_path / "page").read_bytes() == b"there"
    site.pages["/b"] = Page(b"", status=429, headers={"Retry-After": "0"})
    with pytest.raises(SourceError, match="status 429"):
        visit(f"{site.url}/b", tmp_path)
    assert site.visits("/b") == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_page_that_is_not_there_is_not_tried_again(
    site: Site, tmp_path: Path, status: int
) -> None:
    site.put("/a", "no", status=status)
    with pytest.raises(SourceError, match=f"status {status}"):
        visit(f"{site.url}/a", tmp_path)
    assert site.visits("/a") == 1


@pytest.mark.parametrize(
    ("status", "own"), [(301, "/new"), (308, "/new"), (302, "/a"), (307, "/a")]
)
def test_redirects_name_the_page_only_where_they_hold_for_good(
    site: Site, tmp_path: Path, status: int, own: str
) -> None:
    site.put("/new", "x")
    site.pages["/a"] = Page(status=status, headers={"Location": "new#part"})
    found = visit(f"{site.url}/a", tmp_path)
    assert found.url == site.url + own
    assert found.answer.url == f"{site.url}/new"


def test_redirects_do_not_lead_inside_nor_past_robots(site: Site, tmp_path: Path) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /in")
    site.put("/in", "x")
    site.pages["/a"] = Page(status=302, headers={"Location": "http://169.254.169.254/"})
    site.pages["/b"] = Page(status=302, headers={"Location": "/in"})
    site.pages["/c"] = Page(status=302, headers={"Location": "/c"})
    with pytest.raises(SourceError, match="not a public address"):
        visit(f"{site.url}/a", tmp_path)
    with pytest.raises(SourceError, match=r"robots\.txt"):
        visit(f"{site.url}/b", tmp_path)
    with pytest.raises(SourceError, match="more than 5 times"):
        visit(f"{site.url}/c", tmp_path)


def test_a_page_that_is_too_large(site: Site, tmp_path: Path) -> None:
    site.put("/a", "x" * 1_001)
    with pytest.raises(LimitExceededError, match="bytes"):
        visit(f"{site.url}/a", tmp_path)


def pages(source: str, *include: str, **settings: object) -> list[str]:
    """Return the listed URLs less their host, and the messages of what failed."""
    web = WebSettings.model_validate({"rate_per_s": 1_000, **settings})
    visiting = visitor()
    lister = WebLister(visiting, web)
    try:
        return [str(found) for found in lister.pages(source, PathFilter(include, ()))]
    finally:
        visiting.close()


def sitemap(*urls: str, kind: str = "urlset", entry: str = "url") -> str:
    entries = "".join(f"<{entry}><loc> {url} </loc><x><loc>no</loc></x></{entry}>" for url in urls)
    return f'<{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{kind}>'


def test_sitemaps_of_sitemaps_are_read(site: Site) -> None:
    index = sitemap(
        f"{site.url}/one.xml",
        f"{site.url}/two.xml.gz",
        f"{site.url}/gone.xml",
        f"{site.url}/sitemap.xml",
        kind="sitemapindex",
        entry="sitemap",
    )
    site.put("/sitemap.xml", index)
    site.put("/one.xml", sitemap("http://a.example/b/../one?x=1&amp;y=2", "nonsense"))
    site.pages["/two.xml.gz"] = Page(gzip.compress(sitemap("http://a.example/two.pdf").encode()))
    first, nonsense, second, gone = pages(f"{site.url}/sitemap.xml")
    assert (first, second) == ("http://a.example/one?x=1&y=2", "http://a.example/two.pdf")
    assert "no http:// or https:// URL" in nonsense
    assert "status 404" in gone
    assert pages(f"{site.url}/sitemap.xml", "*.pdf")[1] == "http://a.example/two.pdf"


def test_lists_are_read_from_the_web_and_from_files(site: Site, tmp_path: Path) -> None:
    text = "# pages\n\nhttp://a.example/1\r\n  http://a.example/2  \n"
    site.put("/pages.txt", text)
    (tmp_path / "pages.txt").write_text(text)
    expected = ["http://a.example/1", "http://a.example/2"]
    assert pages(f"list+{site.url}/pages.txt") == expected
    assert pages(f"list+{(tmp_path / 'pages.txt').as_uri()}") == expected
    assert pages(f"sitemap+{site.url}/pages.txt") == expected
    assert pages(f"{site.url}/pages.txt") == [f"{site.url}/pages.txt"]


def test_a_sitemap_that_is_none_says_so(site: Site) -> None:
    site.put("/page.html", "<html><body>x</body></html>")
    with pytest.raises(SourceError, match="urlset"):
        pages(f"sitemap+{site.url}/page.html")
    site.put("/many", sitemap(*(f"http://a.example/{n}" for n in range(5))))
    with pytest.raises(SourceError, match="MAX_URLS"):
        pages(f"sitemap+{site.url}/many", max_urls=4)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"<" * (LARGEST + 10), mtime=0),
        gzip.compress(b"<urlset/>", mtime=0)[:-9],
        b"\x1f\x8bnot gzip",
        b"<urlset><loc></urlset>",
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset><url><loc>&e;</loc></url>',
    ],
    ids=["bomb", "cut off", "no gzip", "not well-formed", "entity"],
)
def test_hostile_sitemaps_are_refused(data: bytes) -> None:
    with pytest.raises(IngestError):
        sitemap_urls(data)


def test_the_charset_of_the_header_counts(tmp_path: Path) -> None:
    page = tmp_path / "page"
    for charset, text in (("windows-1251", "Привет"), ("iso-8859-1", "naïve “x”")):
        page.write_bytes(text.encode("cp1252" if charset == "iso-8859-1" else charset))
        write_as_utf8(page, charset)
        assert page.read_bytes() == b"\xef\xbb\xbf" + text.encode()
    page.write_bytes(b"caf\xe9")
    for charset in ("utf-8", "unknown-9"):
        write_as_utf8(page, charset)
        assert page.read_bytes() == b"caf\xe9"
    assert content_type("Text/HTML; Charset=UTF-8") == ("text/html", "utf-8")
    assert content_type("") == ("application/octet-stream", None)


@pytest.mark.parametrize(
    ("link", "own"),
    [
        ('<link rel="canonical" href="/b">', "http://a.example/b"),
        (
            '<link rel="nofollow CANONICAL" href="https://a.example/b?x=1#y">',
            "https://a.example/b?x=1",
        ),
        ('<link rel="canonical" href="http://other.example/b">', "http://a.example/"),
        ('<link rel="canonical" href="http://[">', "http://a.example/"),
        ('<link rel="stylesheet" href="/b">', "http://a.example/"),
        ("", "http://a.example/"),
    ],
)
def test_a_page_names_itself_only_on_its_own_host(tmp_path: Path, link: str, own: str) -> None:
    page = tmp_path / "page"
    page.write_text(f"<html><head>{link}</head><body>x</body></html>")
    assert own_url(page, "http://a.example/", "text/html") == own
    assert own_url(page, "http://a.example/", "text/plain") == "http://a.example/"
    page.write_bytes(b"")
    assert own_url(page, "http://a.example/", "text/html") == "http://a.example/"


def test_what_killed_jobs_have_left_goes(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "old", (0, 0))
    discard_old(tmp_path)
    discard_old(tmp_path / "missing")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
