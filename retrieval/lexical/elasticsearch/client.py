"""How Elasticsearch is reached."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import EngineError
from retrieval.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_EXTRA = "elasticsearch is not installed; pip install 'pmoves-mesh[elasticsearch]'"


def connect(settings: ElasticsearchSettings, timeout_s: float) -> "Elasticsearch":
    """Return a client; it asks the next of several nodes where one cannot be reached.

    Raises `EngineError` where the package is missing or the settings do not go together.
    """
    try:
        from elasticsearch import Elasticsearch
    except ImportError as error:
        raise EngineError(_EXTRA) from error
    try:
        return Elasticsearch(
            settings.hosts,
            request_timeout=timeout_s,
            # A node that is slow is no reason to load the next one with the same.
            retry_on_timeout=False,
            max_retries=len(settings.hosts) - 1,
            **_credentials(settings),
            **_authority(settings),
        )
    except (ValueError, OSError) as error:
        raise EngineError(f"elasticsearch: {error}; see PMOVES_ELASTICSEARCH__…") from error


def _credentials(settings: ElasticsearchSettings) -> dict[str, Any]:
    key, password = settings.api_key.get_secret_value(), settings.password.get_secret_value()
    if key and settings.username:
        raise EngineError(
            "elasticsearch: give PMOVES_ELASTICSEARCH__API_KEY or …__USERNAME, not both"
        )
    if key:
        return {"api_key": key}
    return {"basic_auth": (settings.username, password)} if settings.username else {}


def _authority(settings: ElasticsearchSettings) -> dict[str, Any]:
    if not settings.ca_file:
        return {}
    if not Path(settings.ca_file).is_file():
        raise EngineError(
            f"elasticsearch: PMOVES_ELASTICSEARCH__CA_FILE names {settings.ca_file}, no file"
        )
    return {"ca_certs": settings.ca_file}


def reason(error: Exception) -> str:
    """Return what went wrong in a call, in one line."""
    from elasticsearch import ApiError

    if not isinstance(error, ApiError):
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return f"{type(error).__name__}: {error}{cause}"[:300]
    found = error.body.get("error") if isinstance(error.body, dict) else error.body
    if isinstance(found, dict):
        causes = found.get("root_cause") or [found]
        found = f"{causes[0].get('type')}: {causes[0].get('reason')}"
    return f"status {error.status_code}: {found}"[:300]
