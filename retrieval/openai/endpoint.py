"""Where a server is, and how patiently it is asked."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of one server.

    `key` is the setting that holds the API key, for messages. A call may take `timeout_s`
    and is made up to `retries` times more, `at_once` calls at the same time.
    """

    url: str
    key: str
    api_key: str = ""
    timeout_s: float = 60.0
    retries: int = 4
    at_once: int = 4
    requests_per_minute: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers that show the key."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


def call_url(address: str, prefix: str, path: str) -> str:
    """Return the URL of the call `path` at `address`.

    An address without a path gets the server's own `prefix`, such as `/v1`; one that ends
    with the call's path is taken as it is.
    """
    base = address.rstrip("/")
    if base.endswith(path):
        return base
    return base + ("" if urlsplit(base).path else prefix) + path
