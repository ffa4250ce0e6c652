"""Settings of the gateway, and what the application is built from."""

import json
import os
import shlex
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml
from pydantic import ValidationError
from ray import serve
from starlette.types import Receive, Scope, Send

from cluster.mesh.bringup import APP_IMPORT
from cluster.mesh.ports import any_free_port
from retrieval.errors import InvalidInputError
from retrieval.settings import CorpusSettings
from retrieval.state.keys import KeyRequest, KeyStore
from serve_apps.app import build
from serve_apps.environment import ServePorts, serve_environment
from serve_apps.job_environment import mesh_environment
from serve_apps.launcher import _reason, entry_point
from serve_apps.settings import AllowedSources, AppArgs, HttpSettings, ServeSettings

PORTS = ServePorts(haproxy_metrics=9101, haproxy_stats=8404, fallback=8500)


@pytest.mark.parametrize("group", [HttpSettings, ServeSettings, AllowedSources])
def test_every_setting_is_described(group: type[HttpSettings]) -> None:
    for name, field in group.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    "values",
    [{"port": 0}, {"port": 70_000}, {"max_in_flight": 0}, {"max_batch_items": -1}, {"x": 1}],
)
def test_values_out_of_range_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        HttpSettings.model_validate(values)


def test_arguments_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PMOVES_HOME", "/from/the/environment")
    monkeypatch.setenv("PMOVES_HTTP__PORT", "9001")
    monkeypatch.setenv("PMOVES_INGEST__ROOTS", json.dumps([str(tmp_path)]))
    # A setting of the jobs, which the gateway has no business with.
    monkeypatch.setenv("PMOVES_INGEST__SOMETHING_ELSE", "3")
    args = AppArgs.model_validate({"home": "/from/the/arguments"})
    assert (args.home, args.http.port) == (Path("/from/the/arguments"), 9001)
    assert args.ingest.roots == [tmp_path]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_an_application_is_built_for_loopback(tmp_path: Path, host: str) -> None:
    app = build(AppArgs(home=tmp_path, http=HttpSettings(host=host)))
    assert isinstance(app, serve.Application)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_no_application_is_built_for_other_machines(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidInputError, match=r"http\.host.*no API keys.*keys create"):
        build(AppArgs(home=tmp_path, http=HttpSettings(host=host)))


def test_a_usable_key_opens_other_addresses(tmp_path: Path) -> None:
    settings = AppArgs(home=tmp_path, http=HttpSettings(host="0.0.0.0"))
    store = KeyStore(settings.state_url)
    key, _ = store.create(KeyRequest(role="read"))
    assert isinstance(build(settings), serve.Application)
    store.revoke(key.key_id)
    store.close()
    with pytest.raises(InvalidInputError, match="no API keys that could be used"):
        build(settings)


@pytest.mark.parametrize("name", ["tailnet_cidrs", "trusted_proxies"])
def test_networks_are_lists_or_have_commas(name: str) -> None:
    def read(value: object) -> list[str]:
        found: list[str] = getattr(HttpSettings.model_validate({name: value}), name)
        return found

    assert read("10.0.0.1, 192.168.0.0/16,::1") == ["10.0.0.1", "192.168.0.0/16", "::1"]
    assert read(["10.0.0.0/8"]) == ["10.0.0.0/8"]
    assert read("") == []
    for wrong in ("10.0.0.0/99", ["localhost"], "10.0.0"):
        with pytest.raises(ValidationError):
            read(wrong)


@pytest.mark.parametrize(
    ("file", "builder"),
    [
        ("serve_apps/config/embedded.yaml", "serve_apps.app:build"),
        ("cluster/config/mesh.yaml", APP_IMPORT),
    ],
)
def test_the_config_file_names_the_builder_and_loopback(file: str, builder: str) -> None:
    checked = serve.schema.ServeDeploySchema.model_validate(yaml.safe_load(Path(file).read_text()))
    (application,) = checked.applications
    assert application.import_path == builder
    assert checked.http_options.host == "127.0.0.1"
    assert AppArgs.model_validate(application.args).http.host == "127.0.0.1"


def test_a_job_gets_the_settings_in_force(tmp_path: Path) -> None:
    settings = AppArgs(
        home=tmp_path,
        corpus=CorpusSettings(uri="s3://bucket/corpus"),
        ingest=AllowedSources(roots=[tmp_path]),
    )
    environment = mesh_environment(
        settings, {"PMOVES_CORPUS__URI": "old", "PMOVES_MESH_ID": "mesh-1", "PATH": "/bin"}
    )
    assert environment == {
        "PMOVES_HOME": str(tmp_path),
        "PMOVES_PROFILE": "embedded",
        "PMOVES_CORPUS__URI": "s3://bucket/corpus",
        "PMOVES_INGEST__ROOTS": json.dumps([str(tmp_path)]),
        "PMOVES_MESH_ID": "mesh-1",
    }


def test_the_entry_point_of_a_job_names_its_cluster() -> None:
    words = shlex.split(entry_point("10.0.0.1:6379", "job-1; rm"))
    assert words[:3] == ["exec", "env", "RAY_ADDRESS=10.0.0.1:6379"]
    assert words[-4:] == ["-m", "data_jobs.ingest", "--job-id", "job-1; rm"]


def test_the_reason_of_a_failed_run_is_short() -> None:
    logs = "\n".join(f"INFO line {number} " + "x" * 100 for number in range(100))
    message = f"Entrypoint failed with exit code 1, last available logs (cut):\n{logs}\nKilled\n\n"
    assert _reason(message) == "Entrypoint failed with exit code 1: Killed"
    assert _reason("stopped by the user") == "stopped by the user"


HAPROXY = """\
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend prometheus
    bind :{ports.haproxy_metrics}
    mode http
frontend http_frontend
    bind 127.0.0.1:8000
    default_backend nothing
backend nothing
listen stats
  bind *:{ports.haproxy_stats}
  stats enable
"""


def test_haproxy_keeps_its_own_pages_to_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "run with spaces"
    environment = serve_environment(folder, PORTS)
    assert environment["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert environment["RAY_SERVE_FALLBACK_PROXY_HTTP_PORT"] == "8500"
    assert folder.stat().st_mode & 0o777 == 0o700
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(ports=PORTS))
    command = [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(config)]
    subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
    binds = [line.strip() for line in config.read_text().splitlines() if "bind" in line]
    assert binds == ["bind 127.0.0.1:9101", "bind 127.0.0.1:8000", "bind 127.0.0.1:8404"]


def corrected(folder: Path, also_at: str | None, times: int) -> list[str]:
    """Return the lines of a configuration that HAProxy was started with `times`."""
    environment = serve_environment(folder, PORTS, also_at)
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(ports=PORTS))
    command = [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(config)]
    for _ in range(times):
        subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
    return config.read_text().splitlines()


@pytest.mark.parametrize(
    ("also_at", "expected"),
    [
        (None, ["127.0.0.1:8000"]),
        ("192.168.1.2:8000", ["192.168.1.2:8000 # pmoves", "127.0.0.1:8000"]),
        ("0.0.0.0:8000", ["0.0.0.0:8000"]),
        (":::8000", [":::8000 v4v6"]),
    ],
)
def test_haproxy_alone_faces_other_machines(
    tmp_path: Path, also_at: str | None, expected: list[str]
) -> None:
    lines = corrected(tmp_path / "run", also_at, times=2)
    ours = [line.partition("#")[0].strip() for line in lines if line.endswith("# pmoves")]
    binds = [line.strip() for line in lines if "bind" in line]
    assert [line for line in ours if line.startswith("http-request")] == [
        "http-request set-header x-pmoves-peer %[src]",
        "http-request set-header x-request-disconnect-disabled ?1",
        "http-request disable-l7-retry unless { method GET HEAD } or { path /hirag/query }",
        "http-request wait-for-body time 20s if { method POST } { path /hirag/query }",
        "http-request set-var(txn.search_ms) req.body,json_query($.timeout_ms,int),add(5000) "
        "if { method POST } { path /hirag/query }",
    ]
    assert binds[1:-1] == [f"bind {address}" for address in expected]


@pytest.mark.parametrize("host", ["0.0.0.0:80'; reboot; '", "a b:80", "$(id):80", "host"])
def test_what_is_no_address_reaches_no_shell(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidInputError, match="no address to listen on"):
        serve_environment(tmp_path / "run", PORTS, host)


async def test_the_server_of_a_replica_believes_no_forwarded_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in serve_environment(tmp_path / "run", PORTS).items():
        monkeypatch.setenv(name, value)
    seen: list[object] = []

    async def note(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["client"])

    # As Serve makes it.
    config = uvicorn.Config(note, lifespan="off", access_log=False, log_config=None)
    config.load()
    headers = [(b"x-forwarded-for", b"100.64.0.1")]
    scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": headers}
    await config.loaded_app(scope, None, None)
    assert seen == [("127.0.0.1", 1)]


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it takes for the peer."""

    def do_GET(self) -> None:
        """Answer."""
        body = ",".join(self.headers.get_all("X-PMOVES-Peer", [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("outside", [False, True])
def test_haproxy_names_its_peer_whatever_the_client_claims(tmp_path: Path, outside: bool) -> None:
    backend = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    front, *others = (any_free_port() for _ in range(4))
    ports = ServePorts(*others)
    also_at = f"0.0.0.0:{front}" if outside else None
    environment = serve_environment(tmp_path / "run", ports, also_at)
    text = HAPROXY.format(ports=ports).replace("127.0.0.1:8000", f"127.0.0.1:{front}")
    server = f"backend nothing\n    server one 127.0.0.1:{backend.server_port}"
    config = tmp_path / "run" / "haproxy.cfg"
    config.write_text(text.replace("backend nothing\nlisten", f"{server}\nlisten"))
    # As Serve starts it: no other process may listen at the same address.
    command = [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-f", str(config), "-dR"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
        try:
            forged = {"X-PMOVES-Peer": "100.64.0.1"}
            transport = httpx.HTTPTransport(retries=8)
            with httpx.Client(transport=transport, trust_env=False) as client:
                answer = client.get(f"http://127.0.0.1:{front}/", headers=forged)
        finally:
            proxy.terminate()
    backend.shutdown()
    backend.server_close()
    assert answer.text == "127.0.0.1"
