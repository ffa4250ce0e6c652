"""Starts Ray's head as a process session of its own."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from cluster.errors import ConfigError
from cluster.mesh.state import MeshState
from cluster.settings import GIB, RaySettings
from retrieval.placement import TIER_LABEL

# HAProxy takes 97 characters, of which its own file and a node id need 73.
_MAX_BASE = 97 - 73 - len("/pm-12345678")
_MIN_CPUS = 2
_RAY = "ray.scripts.scripts"
_MIN_MEMORY = 2 * GIB


def make_temp_dir(settings: RaySettings) -> Path:
    """Make a folder for Ray's session; its path is short, since it holds Unix sockets."""
    base = settings.temp_dir or ("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir())
    if len(base) > _MAX_BASE:
        raise ConfigError(
            f"ray.temp_dir: {base!r} is too long for the Unix sockets below it; "
            f"set PMOVES_RAY__TEMP_DIR to a path of at most {_MAX_BASE} characters."
        )
    return Path(tempfile.mkdtemp(prefix="pm-", dir=base))


def write_token(path: Path) -> None:
    """Write a new secret for Ray, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))


def start_head(
    state: MeshState, settings: RaySettings, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start `ray start --head --block`; its output goes to `state.head_log`."""
    log = Path(state.head_log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            head_command(state, settings),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def head_command(state: MeshState, settings: RaySettings) -> list[str]:
    """Return the command line; everything listens on loopback."""
    ports = state.ports
    options = {
        "--node-ip-address": "127.0.0.1",
        "--dashboard-host": "127.0.0.1",
        "--port": ports["gcs"],
        "--dashboard-port": ports["dashboard"],
        "--ray-client-server-port": ports["client"],
        "--dashboard-agent-listen-port": ports["dashboard_agent"],
        "--dashboard-agent-grpc-port": ports["dashboard_agent_grpc"],
        "--runtime-env-agent-port": ports["runtime_env_agent"],
        "--metrics-export-port": ports["metrics"],
        "--node-manager-port": ports["node_manager"],
        "--object-manager-port": ports["object_manager"],
        "--num-cpus": settings.num_cpus or max(_MIN_CPUS, os.cpu_count() or 1),
        "--memory": settings.memory or max(_MIN_MEMORY, psutil.virtual_memory().total // 2),
        "--object-store-memory": settings.object_store_memory,
        # Workers' output stays in its files; nobody here has it copied to a driver.
        "--include-log-monitor": "false",
        "--temp-dir": f"{state.temp_dir}/ray",
        "--labels": f"{TIER_LABEL}=cpu",
    }
    if settings.resources:
        options["--resources"] = json.dumps(settings.resources)
    if settings.redis_address:
        options["--redis-username"] = settings.redis_username
        options["--redis-password"] = settings.redis_password.get_secret_value()
    arguments = [text for name, value in options.items() for text in (name, str(value))]
    # No monitor: it only scales clusters, which one machine cannot.
    flags = ["--head", "--block", "--disable-usage-stats", "--no-monitor"]
    return [interpreter(Path(state.temp_dir)), "-m", _RAY, "start", *flags, *arguments]


def interpreter(folder: Path) -> str:
    """Return this Python by a path without spaces, linked into `folder`.

    Ray preloads a library into its processes by a list that spaces divide.
    """
    if " " not in sys.executable:
        return sys.executable
    link = folder / "env"
    folder.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(sys.prefix, target_is_directory=True)
    return str(link / Path(sys.executable).relative_to(sys.prefix))


def last_lines(log: Path, count: int = 12) -> str:
    """Return the end of a log file, or an empty text."""
    return "\n".join(lines_with(log, "")[-count:])


def lines_with(log: Path, words: str) -> list[str]:
    """Return the lines of a log file that hold `words`; none where there is no file."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if words in line]


def process_created(pid: int) -> float | None:
    """When the process was created, in seconds of the epoch."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def session_logs(state: MeshState) -> Path:
    """Folder of Ray's logs while it runs."""
    return Path(state.temp_dir) / "ray" / "session_latest" / "logs"
