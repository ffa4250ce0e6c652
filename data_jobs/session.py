"""A Ray to work on: the cluster that the environment names, or one of our own."""

import logging
import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray
import ray._private.worker as ray_worker
from ray._raylet import (  # type: ignore[attr-defined]
    AuthenticationTokenLoader,
    Config,
)

_OBJECT_STORE_BYTES = 512 * 2**20
_LEAST_CPUS = 2
# What Ray's native code tells of its inner life would stand between lines of progress;
# with statistics of use, Ray Data starts a process for them in each cluster.
_QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def ray_session() -> Iterator[None]:
    """Run the body on Ray, and leave Ray as it was found.

    An initialised Ray is used as it is. Inside a Ray job, or with `RAY_ADDRESS`
    set, that cluster is joined. Else a Ray of our own starts on this machine, which
    nobody without its secret can talk to, and ends with the body. While Ray starts,
    nothing reaches standard error.
    """
    if ray.is_initialized():
        yield
        return
    joining = bool(os.environ.get("RAY_ADDRESS"))
    with _environment(_QUIET if joining else _QUIET | _own_environment()):
        with _native_messages_held_back():
            _start(joining)
        with _raylets_silenced():
            try:
                yield
            finally:
                ray.shutdown()


def _start(joining: bool) -> None:
    with warnings.catch_warnings():
        # Lance warns of forks, Ray forks to start programs: they do not meet.
        warnings.filterwarnings("ignore", message="lance is not fork-safe")
        if joining:
            ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
            return
        ray.init(
            address="local",
            num_cpus=max(_LEAST_CPUS, os.cpu_count() or 1),
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


def _own_environment() -> dict[str, str]:
    """Return what a private Ray needs, where the caller has not decided it."""
    if "RAY_AUTH_MODE" in os.environ:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set what is not set yet, for as long as it is entered."""
    missing = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(missing)
    _reread()
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
        _reread()


@contextmanager
def _raylets_silenced() -> Iterator[None]:
    """Keep raylets' warnings out of standard output, where a summary in JSON may stand.

    Without logs of workers, Ray still prints these there.
    """
    before = ray_worker._worker_logs_enabled
    ray_worker._worker_logs_enabled = False
    try:
        yield
    finally:
        ray_worker._worker_logs_enabled = before


@contextmanager
def _native_messages_held_back() -> Iterator[None]:
    """Show what was written to standard error only if the body fails."""
    with tempfile.TemporaryFile() as held, os.fdopen(os.dup(2), "wb") as real:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            real.write(held.read())
            raise
        finally:
            os.dup2(real.fileno(), 2)


def _reread() -> None:
    # Ray reads the environment when it is imported, and keeps what it found.
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
