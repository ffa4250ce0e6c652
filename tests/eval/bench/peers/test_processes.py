"""Processes of others: started, waited for, and always ended."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from eval.bench.peers.memory import memory_of, peak_memory
from eval.bench.peers.processes import free_port, peer_environment, peer_process, serving, tree
from eval.errors import EvaluationError

# Starts a child that does not listen to requests to end, tells its id, and waits.
STUBBORN = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(60)
"""


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie, whose parent has not asked for it yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def interrupted(log: Path) -> tuple["subprocess.Popen[str]", int]:
    """Run the two processes until Ctrl-C; return the first and the other's id."""
    command = [sys.executable, "-c", STUBBORN, DEAF]
    try:
        with peer_process(command, log, {}, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            assert {item.pid for item in tree(process.pid)} == {process.pid, child}
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return process, child


def test_the_whole_tree_ends_also_on_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.bench.peers.processes._GRACE_S", 0.5)
    process, child = interrupted(tmp_path / "log")
    assert process.returncode is not None
    assert not lives(child)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    url = f"http://127.0.0.1:{free_port()}/"
    with (
        pytest.raises(EvaluationError, match=r"thing ended with 1 .*\n?.*no such model"),
        serving("thing", command, tmp_path / "log", {}, url),
    ):
        raise AssertionError("entered")


def test_a_server_is_entered_once_it_answers(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with serving("files", command, tmp_path / "log", {}, f"http://127.0.0.1:{port}/") as process:
        (listening,) = psutil.Process(process.pid).net_connections(kind="tcp")
        assert listening.laddr == ("127.0.0.1", port)
    assert process.returncode is not None


def test_a_server_that_others_reach_is_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "0.0.0.0"]
    with (
        pytest.raises(EvaluationError, match=rf"files listens on 0\.0\.0\.0:{port}"),
        serving("files", command, tmp_path / "log", {}, f"http://127.0.0.1:{port}/"),
    ):
        raise AssertionError("entered")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_peers_get_no_setting_of_ours_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PMOVES_HOME", "/ours")
    monkeypatch.setenv("VIRTUAL_ENV", "/ours")
    found = peer_environment({"CONFIG": "theirs"})
    assert "/ours" not in found.values()
    assert found["CONFIG"] == "theirs"
    assert found["HF_HUB_OFFLINE"] == "1"
    assert found["PATH"] == os.environ["PATH"]


def test_memory_of_a_process_and_of_one_that_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    ours = psutil.Process()
    found = memory_of([ours])
    assert 0 < found.pss <= found.rss
    assert tree(ended.pid) == []
    with peak_memory(lambda: [ours]) as peak:
        pass
    assert peak.most.pss > 0
