"""Why a URL was not fetched."""

from retrieval.errors import PmovesError


class FetchError(PmovesError):
    """Root of what can go wrong with a URL; `str()` is a sentence for people."""


class RefusedUrlError(FetchError):
    """The URL, or an address behind it, is one that is never fetched."""


class FetchLimitError(FetchError):
    """The answer is too large, too slow, or redirected too often."""


class UnreachableError(FetchError):
    """Nobody answers there, or what answers does not speak HTTP or TLS properly."""
