"""One call to a peer."""

from typing import Any

import httpx

from eval.errors import SearchSystemError

_TOLD = 500


def call(client: httpx.Client, method: str, target: str, body: Any = None) -> Any:
    """Return the JSON of the answer; `SearchSystemError` where the peer refuses or is away."""
    try:
        answer = client.request(method, target, json=body)
    except httpx.HTTPError as error:
        raise SearchSystemError(f"{client.base_url}{target}: {error!r}") from error
    if answer.is_error:
        raise SearchSystemError(
            f"{client.base_url}{target} answered {answer.status_code}: {answer.text[:_TOLD]}"
        )
    return answer.json()
