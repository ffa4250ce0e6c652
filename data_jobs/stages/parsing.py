"""Parse: from bytes to blocks, in a sandbox; attachments become documents of their own."""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from urllib.parse import quote

from data_jobs.chunking.text import clean
from data_jobs.errors import LimitExceededError
from data_jobs.fingerprint import file_hash
from data_jobs.monitor import Monitor
from data_jobs.objects.store import ObjectStore
from data_jobs.parse.base import Attachment
from data_jobs.sandbox.sandbox import PARSE_FILE, Sandbox
from data_jobs.scratch import remove_abandoned, scratch_folder
from data_jobs.settings import IngestSettings
from data_jobs.sources import SourceFile
from data_jobs.stages.stage import Stage
from data_jobs.stages.work import Work
from retrieval.ids import document_id
from retrieval.settings import S3Settings

RECORDING_FOLDER = "pmoves-recording-"
_MARK = "#attachment="
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


class ParseStage(Stage):
    """Parses files in a child process, each followed by what is attached to it.

    Attachments are followed down to `settings.attachment_depth`; deeper ones are
    quarantined.
    """

    name = "parse"

    def __init__(
        self,
        settings: IngestSettings,
        monitor: Monitor,
        function: str = PARSE_FILE,
        s3: S3Settings | None = None,
    ) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._objects = ObjectStore(s3 or S3Settings())
        remove_abandoned()
        self._sandbox = Sandbox(settings.parse_limits(), settings.parse_process_documents, function)

    def close(self) -> None:
        """End the child process."""
        self._sandbox.close()

    def process(self, work: Work) -> Iterator[Work]:
        """Parse one document and its attachments."""
        if work.depth > self._settings.attachment_depth:
            raise LimitExceededError(
                f"attachments are followed {self._settings.attachment_depth} deep "
                "(PMOVES_INGEST__ATTACHMENT_DEPTH); this one lies deeper"
            )
        with scratch_folder() as folder:
            path = self._local(work, folder)
            work.media_type, parsed = self._sandbox.parse(path)
            work.parsed = replace(parsed, attachments=())
            work.title = clean(parsed.title or "") or None
            work.pages, work.needs_ocr = parsed.pages, parsed.needs_ocr
            children = [
                _child(work, attachment.data, label, folder / f"attachment{number}")
                for number, (label, attachment) in enumerate(_labelled(parsed.attachments))
            ]
            work.attachments = tuple(child.file.uri for child in children)
            self._monitor.add("attachments", len(children))
            yield _kept(work, path)
            for child in children:
                yield from self.guarded(child)

    def _local(self, work: Work, folder: Path) -> Path:
        """Return a path to the file, which for an object is fetched first."""
        if work.file.stored is None:
            return _with_suffix(work, folder)
        path = folder / f"object{_suffix(work.name)}"
        most = self._settings.max_file_bytes
        fetched = self._objects.fetch(work.file.stored, path, most)
        work.content_hash, work.size_bytes = fetched.content_hash, fetched.size
        return path


def attachment_uri(parent: str, name: str) -> str:
    """Return the source of the attachment `name` of the document at `parent`."""
    return f"{parent}{'/' if _MARK in parent else _MARK}{quote(name, safe='', errors='replace')}"


def _child(parent: Work, data: bytes, name: str, folder: Path) -> Work:
    """Write an attachment to a file of its own."""
    folder.mkdir()
    path = folder / f"file{_suffix(name)}"
    path.write_bytes(data)
    uri = attachment_uri(parent.file.uri, name)
    return Work(
        file=SourceFile(uri, path, name=name, metadata=parent.file.metadata),
        namespace=parent.namespace,
        doc_id=document_id(uri),
        known=parent.known,
        depth=parent.depth + 1,
        parent_id=parent.doc_id,
        content_hash=file_hash(path),
        pipeline=parent.pipeline,
        size_bytes=len(data),
    )


def _kept(work: Work, path: Path) -> Work:
    """Take a recording out of the scratch folder, which does not last until it is heard."""
    fleeting = work.depth > 0 or work.file.stored is not None
    if fleeting and work.parsed is not None and work.parsed.needs_speech:
        kept = Path(tempfile.mkdtemp(prefix=RECORDING_FOLDER)) / f"recording{path.suffix}"
        shutil.move(path.resolve(), kept)
        work.file = replace(work.file, path=kept)
    return work


def _labelled(attachments: Sequence[Attachment]) -> Iterator[tuple[str, Attachment]]:
    """Yield attachments with names of which no two are the same."""
    used: Counter[str] = Counter()
    for attachment in attachments:
        name = attachment.name or "attachment"
        used[name] += 1
        yield f"{name} ({used[name]})" if used[name] > 1 else name, attachment


def _with_suffix(work: Work, folder: Path) -> Path:
    """Return a path to the file that ends as its name does; it helps to tell plain texts apart."""
    path, suffix = work.file.path, _suffix(work.name)
    if path.suffix.lower() == suffix.lower():
        return path
    link = folder / f"file{suffix}"
    link.symlink_to(path)
    return link


def _suffix(name: str) -> str:
    suffix = PurePath(name).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""
