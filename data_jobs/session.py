"""A Ray to work on: the cluster that the environment names, or one of our own."""

import logging
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray
from ray._raylet import (  # type: ignore[attr-defined]
    AuthenticationTokenLoader,
    Config,
)

_OBJECT_STORE_BYTES = 512 * 2**20
_LEAST_CPUS = 2


@contextmanager
def ray_session() -> Iterator[None]:
    """Run the body on Ray, and leave Ray as it was found.

    An initialised Ray is used as it is. Inside a Ray job, or with `RAY_ADDRESS`
    set, that cluster is joined. Else a Ray of our own starts on this machine, which
    nobody without its secret can talk to, and ends with the body.
    """
    if ray.is_initialized():
        yield
        return
    joining = bool(os.environ.get("RAY_ADDRESS"))
    with _environment({} if joining else _own_environment()):
        _start(joining)
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
    wanted = {"RAY_USAGE_STATS_ENABLED": "0"}
    if "RAY_AUTH_MODE" not in os.environ:
        wanted |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {name: value for name, value in wanted.items() if name not in os.environ}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(values)
    _reread()
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        _reread()


def _reread() -> None:
    # Ray reads the environment when it is imported, and keeps what it found.
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
