"""A listing of many keys (100,000 in `make soak`): page after page as wanted, and none twice.

The store is a double that answers ListObjectsV2 to the real client; the tests beside this one
ask a real store for smaller pages.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import pytest

from data_jobs.errors import SourceError
from data_jobs.objects.listing import objects
from data_jobs.objects.store import ObjectStore
from data_jobs.patterns import PathFilter
from retrieval.object_address import ObjectAddress
from retrieval.settings import S3Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KEYS = int(os.environ.get("PMOVES_TEST_KEYS", "5_000"))
_ENTRY = (
    "<Contents><Key>talks/{at:06}.txt</Key><Size>{at}</Size>"
    "<ETag>&quot;{at:032x}&quot;</ETag></Contents>"
)


class Listing:
    """A bucket of so many keys; `tokens` are those of the pages asked for, `broken` ends it."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.broken: int | None = None

    def page(self, query: dict[str, list[str]]) -> str:
        """Return what S3 answers."""
        start, count = int(query.get("continuation-token", ["0"])[0]), int(query["max-keys"][0])
        self.tokens.append(start)
        end = min(start + count, KEYS)
        entries = "".join(_ENTRY.format(at=at) for at in range(start, end))
        more = end < KEYS
        token = f"<NextContinuationToken>{end}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>b</Name><Prefix>talks/</Prefix><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{entries}</ListBucketResult>"
        )


@contextmanager
def served(listing: Listing) -> Iterator[S3Settings]:
    """Serve the listing; yield the settings that lead there."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            failed = listing.broken is not None and len(listing.tokens) >= listing.broken
            body = b"" if failed else listing.page(query).encode()
            self.send_response(500 if failed else 200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        yield S3Settings(endpoint=endpoint, access_key_id="k", secret_access_key="s", retries=0)  # type: ignore[arg-type]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(settings: S3Settings) -> Iterator[str]:
    source, everything = ObjectAddress("b", "talks/"), PathFilter((), ())
    for found in objects(ObjectStore(settings), source, recursive=True, files=everything):
        yield found.address.key


def test_every_key_comes_once_and_no_page_before_it_is_wanted() -> None:
    listing = Listing()
    with served(listing) as settings:
        keys = listed(settings)
        first = list(islice(keys, 1_500))
        assert listing.tokens == [0, 1_000]
        rest = list(keys)
    assert first + rest == [f"talks/{at:06}.txt" for at in range(KEYS)]
    assert listing.tokens == list(range(0, KEYS, 1_000))


def test_a_store_that_fails_between_two_pages_is_no_end_of_the_listing() -> None:
    listing = Listing()
    listing.broken = 3
    with served(listing) as settings:
        found = []
        with pytest.raises(SourceError, match="cannot be listed"):
            found += listed(settings)
    assert len(listing.tokens) == 3
