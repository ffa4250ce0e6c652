"""Receiving files: a multipart form, streamed to a folder of its own.

The files are named by their number. What the client calls them is kept as a
label and never becomes part of a path.
"""

import asyncio
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from serve_apps.form import FieldCheck, FormReader
from serve_apps.problems import MALFORMED_BODY, TOO_LARGE, ProblemError

# Handed to a thread at once: large enough that the hop costs little.
_FLUSH_BYTES = 512 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bounds of one upload."""

    max_bytes: int
    max_files: int


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One received file; `name` is the client's, without folders and control characters."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A received form."""

    folder: Path
    files: list[UploadedFile]
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(file.size for file in self.files)


async def receive_upload(
    request: Request, folder: Path, limits: UploadLimits, check: FieldCheck
) -> Upload:
    """Stream the form of `request` into `folder`, which must not exist yet.

    Raises `ProblemError` for anything that is not a form or is over the limits, and
    what `check` raises about a field, both before the rest is read; `folder` is gone then.
    """
    _check_size(request, limits)
    reader = await asyncio.to_thread(
        FormReader, _boundary(request), folder, limits.max_files, check
    )
    try:
        await _feed(request, reader, limits)
        files = await asyncio.to_thread(reader.finish)
    except BaseException as error:
        await asyncio.shield(asyncio.to_thread(_abandon, reader, folder))
        raise _problem(error, limits) from error
    return Upload(
        folder,
        [UploadedFile(display_name(name), path, path.stat().st_size) for name, path in files],
        reader.fields,
    )


def discard(upload: Upload) -> None:
    """Remove the files of an upload that nobody wants; blocking."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def display_name(name: str) -> str:
    """Return the last part of a client's file name, without control characters."""
    last = re.split(r"[/\\]", name)[-1]
    return _CONTROL.sub("", last).strip()[:255] or "unnamed"


async def _feed(request: Request, reader: FormReader, limits: UploadLimits) -> None:
    received, waiting = 0, bytearray()
    async for part in request.stream():
        # At once what comes first: it may hold a field that decides about the rest.
        begins = not received
        received += len(part)
        if received > limits.max_bytes:
            raise _too_large(limits)
        waiting += part
        if begins or len(waiting) >= _FLUSH_BYTES:
            await asyncio.to_thread(reader.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(reader.write, bytes(waiting))


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ProblemError(
            MALFORMED_BODY, "Send the files as multipart/form-data, in parts named 'files'."
        )
    return options[b"boundary"]


def _check_size(request: Request, limits: UploadLimits) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_bytes:
        raise _too_large(limits)


def _too_large(limits: UploadLimits) -> ProblemError:
    return ProblemError(
        TOO_LARGE,
        f"The upload is larger than {limits.max_bytes:,} bytes. Send fewer files at once, or "
        "ingest the folder where it lies.",
        limits={"max_upload_bytes": limits.max_bytes, "max_upload_files": limits.max_files},
    )


def _problem(error: BaseException, limits: UploadLimits) -> BaseException:
    if isinstance(error, FormParserError | ClientDisconnect):
        return ProblemError(MALFORMED_BODY, "The multipart form is damaged or breaks off.")
    return error


def _abandon(reader: FormReader, folder: Path) -> None:
    reader.close()
    shutil.rmtree(folder, ignore_errors=True)
