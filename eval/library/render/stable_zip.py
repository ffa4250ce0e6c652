"""Zip containers with the same bytes on every machine.

Members are stored and not compressed, because implementations of deflate differ.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping

EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def pack(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Write `(name, content)` pairs in their order, with a fixed time and owner."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = UNIX
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def repack(container: bytes, replace: Mapping[str, bytes] | None = None) -> bytes:
    """Write the container again with `pack`; `replace` overrides members by name."""
    changes = replace or {}
    with zipfile.ZipFile(io.BytesIO(container)) as archive:
        return pack(
            (name, changes[name] if name in changes else archive.read(name))
            for name in archive.namelist()
        )
