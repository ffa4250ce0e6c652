"""One line for each request: what was asked, how it ended, how long it took."""

import logging
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import Scope

_log = logging.getLogger(__name__)
# Machines ask these every few seconds.
_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})
_MOST_NAMESPACES = 8


def note_namespaces(request: Request, namespaces: Iterable[str]) -> None:
    """Let the line of `request` name the namespaces that it is about."""
    request.state.namespace = ",".join(list(namespaces)[:_MOST_NAMESPACES])


def log_request(scope: Scope, route: str, status: int, seconds: float) -> None:
    """Write the line of a request that has ended; `route` is the path template.

    The state of `scope` holds what the layers and the route have noted: `request_id`,
    and where known `trace_id`, `namespace` and `key_id`.
    """
    level = logging.DEBUG if route in _MACHINES else logging.INFO
    if not _log.isEnabledFor(level):
        return
    state = scope.get("state", {})
    fields = {
        "method": scope["method"][:16],
        "http_route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
        "request_id": state.get("request_id", ""),
    }
    noted = {name: state[name] for name in ("trace_id", "namespace", "key_id") if state.get(name)}
    shown = "".join(f" {name}={value}" for name, value in noted.items())
    line = "{method} {http_route} {status} {ms} ms".format(**fields)
    _log.log(level, "%s request_id=%s%s", line, fields["request_id"], shown, extra=fields | noted)
