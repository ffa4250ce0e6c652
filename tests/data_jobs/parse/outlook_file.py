"""A writer of Outlook messages, for no library here writes them ([MS-CFB], [MS-OXMSG])."""

import struct
from pathlib import Path

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_TEXT, _BINARY = 0x001F, 0x0102
Tree = dict[str, "bytes | Tree"]


def write_message(path: Path, subject: str, body: str, attachments: dict[str, bytes]) -> None:
    """Write a message from Ada to Bob."""
    message: Tree = _properties(
        {0x001A: "IPM.Note", 0x0037: subject, 0x0C1A: "Ada", 0x0C1F: "ada@x.example", 0x1000: body},
        header=32,
    )
    message["__recip_version1.0_#00000000"] = _properties(
        {0x3001: "Bob", 0x3003: "bob@x.example", 0x39FE: "bob@x.example"}, header=8
    )
    for number, (name, data) in enumerate(attachments.items()):
        message[f"__attach_version1.0_#{number:08X}"] = _properties(
            {0x3707: name, 0x3701: data}, header=8
        )
    path.write_bytes(_compound(message))


def _properties(values: dict[int, str | bytes], header: int) -> Tree:
    """Return the streams of an object, with the table that lists its properties."""
    streams: Tree = {}
    table = bytes(header)
    for tag, value in values.items():
        kind = _TEXT if isinstance(value, str) else _BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        streams[f"__substg1.0_{tag:04X}{kind:04X}"] = data
        size = len(data) + (2 if kind == _TEXT else 0)
        table += struct.pack("<HHIII", kind, tag, 6, size, 0)
    if 0x3701 in values:
        table += struct.pack("<HHIII", 0x0003, 0x3705, 6, 1, 0)
    return {"__properties_version1.0": table, **streams}


class _Sectors:
    """Chains of sectors of one size, and the table that links them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.data = bytearray()
        self.table: list[int] = []

    def place(self, content: bytes) -> int:
        """Append `content`; return the number of its first sector."""
        start, count = len(self.table), -(-len(content) // self.size)
        self.data.extend(content.ljust(count * self.size, b"\0"))
        self.table += [*range(start + 1, start + count), _END][:count]
        return start if count else _END


def _numbers(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _compound(root: Tree) -> bytes:
    """Return a compound file: small streams lie in one stream of their own."""
    large, small = _Sectors(_SECTOR), _Sectors(64)
    entries: list[bytearray] = []

    def add(name: str, kind: int, content: bytes = b"") -> int:
        text = name.encode("utf-16-le") + b"\0\0"
        sectors = large if len(content) >= 4096 else small
        entry = bytearray(text.ljust(64, b"\0"))
        entry += struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, _FREE) + bytes(36)
        entry += struct.pack("<IQ", sectors.place(content), len(content))
        entries.append(entry)
        return len(entries) - 1

    def fill(parent: int, tree: Tree) -> None:
        at, where = parent, 76
        for name, value in tree.items():
            leaf = isinstance(value, bytes)
            made = add(name, 2 if leaf else 1, value if isinstance(value, bytes) else b"")
            # Each is the right neighbour of the one before it: a tree, if no balanced one.
            struct.pack_into("<I", entries[at], where, made)
            at, where = made, 72
            if not isinstance(value, bytes):
                fill(made, value)

    fill(add("Root Entry", 5), root)
    struct.pack_into("<IQ", entries[0], 116, large.place(bytes(small.data)), len(small.data))
    small_table = _numbers(small.table + [_FREE] * (-len(small.table) % 128))
    first_small, first_entry = large.place(small_table), large.place(b"".join(entries))
    places = [first_entry, first_small, len(small_table) // _SECTOR]
    return _header(large, *places) + bytes(large.data) + _table(large)


def _table(large: _Sectors) -> bytes:
    own = [_FAT] * _table_sectors(large)
    table = large.table + own
    return _numbers(table + [_FREE] * (-len(table) % 128))


def _table_sectors(large: _Sectors) -> int:
    count = 1
    while count * 128 < len(large.table) + count:
        count += 1
    return count


def _header(large: _Sectors, first_entry: int, first_small: int, small_sectors: int) -> bytes:
    count, first = _table_sectors(large), len(large.table)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6xI", 0x3E, 3, 0xFFFE, 9, 6, 0)
    head += _numbers([count, first_entry, 0, 4096, first_small, small_sectors, _END, 0])
    head += _numbers([*range(first, first + count)] + [_FREE] * (109 - count))
    return head
