"""Damaged copies of good files: bytes flipped, cut out, doubled, and swapped between files.

Everything follows from the random generator that is handed in. Zipped formats are also
damaged inside their members, where their checksums do not give the damage away.
"""

import io
import random
import zipfile
from collections.abc import Callable

_ZIP = b"PK\x03\x04"
_MOST_FLIPS = 64
_MOST_PIECE = 4_096
_ODD = (b"\x00", b"\xff" * 4, b"\x7f\xff\xff\xff", b"-1", b"9" * 20, b"<", b">", b'"', b"\xf0\x9f")

Change = Callable[[bytes, bytes, random.Random], bytes]


def mutant(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Return `data` damaged in one to three ways; `other` is where splices come from."""
    if data.startswith(_ZIP) and chance.random() < 0.7:
        return _inside_zip(data, other, chance)
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(CHANGES)(data, other, chance)
    return data


def flip(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Change single bits."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, _MOST_FLIPS)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Keep the beginning, or the end."""
    at = chance.randrange(len(data) + 1)
    return data[:at] if chance.random() < 0.8 else data[at:]


def cut(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Leave a piece out."""
    start, end = _piece(data, chance)
    return data[:start] + data[end:]


def repeat(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Put a piece in several times."""
    start, end = _piece(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 16, 64)) + data[end:]


def splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Put a piece of another file over one of this."""
    start, end = _piece(data, chance)
    first, last = _piece(other, chance)
    return data[:start] + other[first:last] + data[end:]


def insert(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Put in what parsers stumble over."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_ODD) * chance.choice((1, 1, 1, 100)) + data[at:]


CHANGES: tuple[Change, ...] = (flip, truncate, cut, repeat, splice, insert)


def _piece(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randint(1, _MOST_PIECE))


def _inside_zip(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Damage one or two members, and pack all of them anew."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        names = source.namelist()
        chosen = set(chance.sample(names, min(len(names), chance.randint(1, 2))))
        for name in names:
            content = source.read(name)
            if name in chosen:
                content = chance.choice(CHANGES)(content, other, chance)
            target.writestr(source.getinfo(name), content)
    return file.getvalue()
