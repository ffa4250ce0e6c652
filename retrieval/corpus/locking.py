"""One at a time: locks between the processes that write one table.

Lance finds out at commit time that two writers met, after the work is done. Where the
corpus is a folder, a lock of the operating system is cheaper; it also ends with the
process that holds it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from retrieval.errors import CorpusError

_PATIENCE_S = 300.0


@contextmanager
def sole_writer(uri: str) -> Iterator[bool]:
    """Wait until nobody else writes rows of the table at `uri`; yield whether that holds.

    In an object store there is no lock, so the answer is False. Raises `CorpusError`
    where the folder cannot be written, or when the wait takes five minutes.
    """
    if "://" in uri:
        yield False
        return
    lock = _acquired(uri, "write", _PATIENCE_S)
    if lock is None:
        raise CorpusError(
            f"cannot write to {uri}: another process has been writing for {_PATIENCE_S:.0f} s; "
            "nothing of this commit was stored, it can be tried again"
        )
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def sole_keeper(uri: str) -> Iterator[bool]:
    """Yield whether this process alone may change the indexes and files of a table.

    Never waits: who gets False leaves the work to the one that has it. In an object
    store it is always True, and Lance settles who comes first.
    """
    with sole(uri, "upkeep") as ours:
        yield ours


@contextmanager
def sole(uri: str, purpose: str, patience_s: float = 0) -> Iterator[bool]:
    """Yield whether this process alone is at `purpose`, within `patience_s` seconds.

    In an object store there is no lock, so the answer is True to everybody.
    """
    lock = None if "://" in uri else _acquired(uri, purpose, patience_s)
    try:
        yield lock is not None or "://" in uri
    finally:
        if lock is not None:
            lock.release()


@contextmanager
def sole_run(uri: str, purpose: str) -> Iterator[None]:
    """Keep other processes from beginning the same work; `CorpusError` where one is at it.

    Object stores have no locks, so there it is left to the caller.
    """
    lock = None if "://" in uri else _acquired(uri, purpose, 0)
    if lock is None and "://" not in uri:
        raise CorpusError(f"another `pmoves {purpose}` works on {uri} already; wait for its end")
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquired(uri: str, purpose: str, timeout_s: float) -> FileLock | None:
    # A lock of its own for each use, so that threads exclude each other as well.
    lock = FileLock(f"{uri}.{purpose}.lock", timeout=timeout_s)
    try:
        lock.acquire(poll_interval=0.005)
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        raise CorpusError(
            f"cannot write to {uri}: {error}; nothing of this commit was stored"
        ) from error
    return lock
