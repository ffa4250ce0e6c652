"""A multipart form as it streams in: files go to disk, fields into memory. Blocking."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serve_apps.problems import (
    INVALID_REQUEST,
    MALFORMED_BODY,
    TOO_LARGE,
    FieldError,
    ProblemError,
)

FILES = "files"
FieldCheck = Callable[[str, str], None]
_MAX_FIELDS = 32
_MAX_FIELD_BYTES = 64 * 1024


class FormReader:
    """Takes the bytes of one form in pieces; files land in `folder` as 0001, 0002, …

    `check` is given the name and the value of each field as soon as it is whole; what it
    raises, `write` raises.
    """

    def __init__(self, boundary: bytes, folder: Path, max_files: int, check: FieldCheck) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self._folder = folder
        self._max_files = max_files
        self._check = check
        self._name = ""
        self._files: list[tuple[str, Path]] = []
        self._fields: dict[str, bytearray] = {}
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._file: BinaryIO | None = None
        self._field = bytearray()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._form_ends,
            },
        )

    @property
    def fields(self) -> dict[str, str]:
        """The fields that are not files."""
        return {name: value.decode("utf-8", "replace") for name, value in self._fields.items()}

    def write(self, data: bytes) -> None:
        """Take the next piece of the form."""
        self._parser.write(data)

    def finish(self) -> list[tuple[str, Path]]:
        """Return the client's name and the path of every file, once all pieces are in."""
        self._parser.finalize()
        self.close()
        if not self._ended:
            raise FormParserError("the form ends before its last boundary")
        return self._files

    def close(self) -> None:
        """Close the file that is being written, if one is."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _part_begins(self) -> None:
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_ends(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._begin_file(name, options[b"filename"].decode("utf-8", "replace"))
        else:
            self._begin_field(name)

    def _begin_file(self, name: str, file_name: str) -> None:
        if name != FILES:
            raise _unknown_field(name)
        if len(self._files) >= self._max_files:
            raise ProblemError(
                TOO_LARGE,
                f"The upload holds more than {self._max_files:,} files. Send fewer at once.",
                limits={"max_upload_files": self._max_files},
            )
        path = self._folder / f"{len(self._files) + 1:04d}"
        self._file = path.open("xb")
        self._files.append((file_name, path))

    def _begin_field(self, name: str) -> None:
        known = name in self._fields or name == FILES
        if not name or known or len(self._fields) >= _MAX_FIELDS:
            raise _unknown_field(name)
        self._name = name
        self._field = self._fields[name] = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            return
        self._field.extend(data[start:end])
        if len(self._field) > _MAX_FIELD_BYTES:
            raise ProblemError(
                TOO_LARGE,
                f"A form field holds more than {_MAX_FIELD_BYTES:,} bytes.",
                limits={"max_field_bytes": _MAX_FIELD_BYTES},
            )

    def _part_ends(self) -> None:
        if self._file is None:
            self._check(self._name, self._field.decode("utf-8", "replace"))
        self.close()

    def _form_ends(self) -> None:
        self._ended = True


def _unknown_field(name: str) -> ProblemError:
    if not name:
        return ProblemError(MALFORMED_BODY, "A part of the form has no name.")
    detail = f"'{name[:100]}' is not expected here, or is given twice"
    return ProblemError(
        INVALID_REQUEST,
        f"{detail}; files go into parts named '{FILES}' with a file name.",
        [FieldError(field=name[:100], detail=detail)],
    )
