"""One spelling of each URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import SourceError
from data_jobs.web.urls import canonical_url, is_web, joined, page_name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.COM:80/a", "http://example.com/a"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://example.com./a#part", "http://example.com/a"),
        ("http://example.com/a/./b/../c/", "http://example.com/a/c/"),
        ("http://example.com/../../a", "http://example.com/a"),
        ("http://example.com/a/..", "http://example.com/"),
        ("http://example.com/%7Euser/%c3%a4", "http://example.com/~user/%C3%A4"),
        ("http://example.com/ä?q=ü", "http://example.com/%C3%A4?q=%C3%BC"),
        ("http://example.com/a?", "http://example.com/a"),
        ("http://example.com/a?b=1&a=%2f", "http://example.com/a?b=1&a=%2F"),
        ("http://example.com/a%2Fb", "http://example.com/a%2Fb"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[2606:4700::1]:8080/a", "http://[2606:4700::1]:8080/a"),
        ("http://example.com//a//b", "http://example.com//a//b"),
    ],
)
def test_canonical_urls(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize("url", ["ftp://example.com/", "http://", "http://a b/", "mailto:a@b"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(SourceError):
        canonical_url(url)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=40))
def test_a_canonical_url_is_its_own(path: str) -> None:
    try:
        once = canonical_url(f"http://example.com/{path}")
    except SourceError:
        return
    assert canonical_url(once) == once


def test_kinds_of_sources() -> None:
    for source in (
        "http://a/",
        "HTTPS://a",
        "sitemap+https://a/",
        "list+file:///a",
        "list+http://a",
    ):
        assert is_web(source)
    for source in ("file:///a", "/a/http://", "s3://a/b", "httpx://a", "sitemap+file:///a", "http"):
        assert not is_web(source)


def test_references_on_a_page() -> None:
    assert joined("http://a.example/b/c", "../d?x#y") == "http://a.example/d?x#y"


@pytest.mark.parametrize(
    ("url", "media_type", "name"),
    [
        ("http://a.example/", "text/html; charset=utf-8", "a.example.html"),
        ("http://a.example/notes", "text/markdown", "notes.md"),
        ("http://a.example/b/notes.md", "text/plain", "notes.md"),
        ("http://a.example/x.pdf?y=1", "application/pdf", "x.pdf"),
        ("http://a.example/a%2Fb%20c", "image/png", "b c"),
    ],
)
def test_pages_have_file_names(url: str, media_type: str, name: str) -> None:
    assert page_name(url, media_type) == name
