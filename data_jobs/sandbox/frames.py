"""Messages between a sandbox and its child: a length, then a pickle."""

import io
import os
import pickle
import select
import struct
import time
from typing import BinaryIO

# Whatever a hostile file makes of the child, its messages can only build these.
_KNOWN_MODULES = ("data_jobs.errors", "data_jobs.parse.base", "data_jobs.parse.options")
_LENGTH = struct.Struct("!Q")
_PIECE = 1 << 20


class DeadlineError(Exception):
    """Nothing complete came in time."""


class _KnownClassesOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[object]:
        if module in _KNOWN_MODULES and not name.startswith("_") and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        raise pickle.UnpicklingError(f"a parser process sent a {module}.{name}")


def write_frame(file: BinaryIO, message: object) -> None:
    """Send `message`; `BrokenPipeError` if nobody reads any more."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    file.write(_LENGTH.pack(len(data)))
    file.write(data)
    file.flush()


def read_frame(descriptor: int, seconds: float | None) -> object:
    """Receive one message.

    Raises `DeadlineError` when it is not complete after `seconds`, `EOFError`
    when the sender is gone, and `pickle.UnpicklingError` when it is not one of ours.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, deadline))
    return _KnownClassesOnly(io.BytesIO(_read(descriptor, length, deadline))).load()


def _read(descriptor: int, length: int, deadline: float | None) -> bytes:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = bytearray()
    while len(data) < length:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and (left <= 0 or not poll.poll(left * 1_000)):
            raise DeadlineError
        piece = os.read(descriptor, min(_PIECE, length - len(data)))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
