"""Whether a page of another origin sent a request."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def same_origin(headers: Headers) -> bool:
    """Say whether no page of another origin sent the request with these headers.

    Browsers tell in `Sec-Fetch-Site`, which no page and no proxy changes. They leave it
    away where there is no TLS; then `Origin` names who sent it. Programs send neither.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("none", "same-origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
