"""Servers of others as child processes: started on loopback, waited for, ended for sure."""

import contextlib
import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from eval.errors import EvaluationError

_START_S = 300.0
_GRACE_S = 10.0
_KILLED_S = 1.0
_POLL_S = 0.2
_TOLD = 1_500
# No program of these calls home or fetches anything.
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "SCARF_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peer_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment for a peer's process, without what belongs to our Python."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PMOVES_", "RAY_")) and name != "VIRTUAL_ENV"
    }
    return inherited | _OFFLINE | dict(more)


@contextmanager
def peer_process(
    command: Sequence[str], log: Path, more: Mapping[str, str], **pipes: int
) -> Iterator["subprocess.Popen[str]"]:
    """Run `command` for the time of the block, its output in `log`; its whole tree ends with it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output} | pipes
        # A session of its own: Ctrl-C reaches us alone, and we end it in order.
        process = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stderr=output,
            env=peer_environment(more),
            cwd=log.parent,
            start_new_session=True,
            text=True,
            **streams,
        )
        try:
            yield process
        finally:
            end_tree(process)


@contextmanager
def serving(
    name: str, command: Sequence[str], log: Path, more: Mapping[str, str], ready_url: str
) -> Iterator["subprocess.Popen[str]"]:
    """Run a server, and enter the block once `ready_url` answers below 500.

    Raises `EvaluationError` with the end of its log where it ends before that or takes
    more than five minutes, and where it listens beyond loopback.
    """
    with peer_process(command, log, more) as process:
        _wait(name, process, log, ready_url)
        _require_loopback(name, process)
        yield process


def tree(pid: int) -> list[psutil.Process]:
    """Return the process `pid` and all below it that live."""
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time that `processes` have taken so far."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def end_tree(process: "subprocess.Popen[str]") -> None:
    """End `process` and all below it: on request, after ten seconds by force."""
    processes = tree(process.pid)
    for item in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            item.terminate()
    _, alive = psutil.wait_procs(processes, timeout=_GRACE_S)
    for item in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            item.kill()
    process.wait()
    psutil.wait_procs(alive, timeout=_KILLED_S)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def log_end(log: Path) -> str:
    """Return the last lines of `log`."""
    return log.read_text(encoding="utf-8", errors="replace").strip()[-_TOLD:]


def _wait(name: str, process: "subprocess.Popen[str]", log: Path, ready_url: str) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise EvaluationError(
                f"{name} ended with {process.returncode} while it started; the end of {log}:\n"
                f"{log_end(log)}"
            )
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(ready_url, timeout=5.0).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        time.sleep(_POLL_S)
    raise EvaluationError(
        f"{name} did not answer at {ready_url} within {_START_S:.0f} s; the end of {log}:\n"
        f"{log_end(log)}"
    )


def _require_loopback(name: str, process: "subprocess.Popen[str]") -> None:
    for item in tree(process.pid):
        for held in item.net_connections(kind="tcp"):
            listens = held.status == psutil.CONN_LISTEN
            if listens and not ipaddress.ip_address(held.laddr.ip).is_loopback:
                raise EvaluationError(
                    f"{name} listens on {held.laddr.ip}:{held.laddr.port}, where others reach it; "
                    "it was ended"
                )
