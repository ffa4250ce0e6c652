"""How Meilisearch is reached, and what goes wrong with it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval.errors import EngineError
from retrieval.settings import MeilisearchSettings

if TYPE_CHECKING:
    from meilisearch_python_sdk import Client

_EXTRA = "the client of Meilisearch is not installed; pip install 'pmoves-mesh[meilisearch]'"


def connect(settings: MeilisearchSettings, timeout_s: float) -> "Client":
    """Return a client whose calls take `timeout_s` at most; safe from any thread.

    Raises `EngineError` where the package is missing or the authority cannot be read.
    """
    try:
        from meilisearch_python_sdk import Client
    except ImportError as error:
        raise EngineError(_EXTRA) from error
    key = settings.api_key.get_secret_value() or None
    client = Client(f"{settings.url.rstrip('/')}/", key, verify=_authority(settings))
    # Its own parameter is in whole seconds.
    client.http_client.timeout = timeout_s
    return client


def _authority(settings: MeilisearchSettings) -> bool | ssl.SSLContext:
    if not settings.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise EngineError(
            f"meilisearch: PMOVES_MEILISEARCH__CA_FILE names {settings.ca_file}, which cannot be "
            f"used: {error}"
        ) from error


def trouble() -> tuple[type[Exception], ...]:
    """Return what calls of the client raise: for what it is told, and for what it cannot read."""
    from httpx2 import HTTPError, InvalidURL
    from meilisearch_python_sdk.errors import MeilisearchError

    return MeilisearchError, HTTPError, InvalidURL, ValueError, KeyError, TypeError


@contextmanager
def telling() -> Iterator[None]:
    """Make an `EngineError` of all that goes wrong in the block."""
    try:
        yield
    except trouble() as error:
        raise EngineError(f"meilisearch: {reason(error)}") from error


def code(error: Exception) -> str:
    """Return Meilisearch's own name of an error, empty where it is none of its own."""
    return str(getattr(error, "code", ""))


def reason(error: Exception) -> str:
    """Return what went wrong in a call, in one line."""
    if name := code(error):
        status, message = getattr(error, "status_code", 0), getattr(error, "message", "")
        return f"status {status}: {name}: {message.removeprefix('Error message: ')}"[:300]
    cause = f" ({error.__cause__!r})" if error.__cause__ else ""
    text = getattr(error, "message", "") or str(error)
    return f"{type(error).__name__}: {text}{cause}".replace("\n", " ")[:300]
