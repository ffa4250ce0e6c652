"""Parse: from bytes to blocks, in a sandbox; attachments become documents of their own."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from data_jobs.chunking.text import clean
from data_jobs.errors import LimitExceededError, SetAsideError
from data_jobs.fingerprint import with_reading
from data_jobs.monitor import LOOKED_AT, Monitor
from data_jobs.objects.store import ObjectStore
from data_jobs.sandbox.sandbox import PARSE_FILE, Sandbox
from data_jobs.scratch import remove_abandoned, scratch_folder
from data_jobs.settings import IngestSettings
from data_jobs.stages.attachments import children, suffix_of, with_suffix
from data_jobs.stages.family import Family
from data_jobs.stages.previews import keep_preview
from data_jobs.stages.stage import Stage
from data_jobs.stages.together import together
from data_jobs.stages.work import Carried, Work, pack
from data_jobs.vision.describing import Describing
from retrieval.settings import S3Settings

RECORDING_FOLDER = "pmoves-recording-"
# Fewer quick documents are read by one process before another one has started.
_SEVERAL = 4


class _Look(NamedTuple):
    """What a first look at a document has found; `aside` is one that takes long."""

    found: list[Carried]
    attachments: int = 0
    aside: Work | None = None


class ParseStage(Stage):
    """Parses files in child processes, each followed by what is attached to it.

    What takes long, such as OCR, is set aside at the first look, and read when it
    comes again. Attachments are followed down to `settings.attachment_depth`; deeper
    ones are quarantined. `sandboxes` are those of whoever runs many jobs. `at_once` is in
    how many of them quick documents are parsed at the same time.
    """

    name = "parse"

    def __init__(
        self,
        settings: IngestSettings,
        monitor: Monitor,
        function: str = PARSE_FILE,
        s3: S3Settings | None = None,
        sandboxes: Sequence[Sandbox] = (),
        at_once: int = 1,
    ) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._objects = ObjectStore(s3 or S3Settings())
        remove_abandoned()
        self._slow_limits = settings.parse_limits()
        self._limits = replace(self._slow_limits, slow=False, seconds=settings.parse_seconds)
        self._describing = Describing(settings.vision)
        self._own = [] if sandboxes else new_sandboxes(settings, function)
        self._sandboxes = sandboxes or self._own
        self._at_once = min(at_once, len(self._sandboxes))

    def close(self) -> None:
        """End its own child processes and connections."""
        self._describing.close()
        for sandbox in self._own:
            sandbox.close()

    def process(self, work: Work) -> Iterator[Work]:
        """Parse one document and its attachments; raises `SetAsideError` if it takes long."""
        return self._family(work, self._sandboxes[0], Family.within(self._settings), slow=False)

    def read(self, work: Work) -> Iterator[Work]:
        """Parse one document and its attachments, however long it takes."""
        return self._family(work, self._sandboxes[0], Family.within(self._settings), slow=True)

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; those that take long come last."""
        slow: list[Work] = []
        quick: list[Carried] = []
        for document in documents:
            if document.settled:
                quick.append(document)
            elif (work := document.work()).slow:
                slow.append(work)
            else:
                quick.append(pack(work))
        for look in self._looks(quick):
            if look.aside is not None and not self._set_aside(look.aside):
                slow.append(look.aside)
            self._monitor.add("attachments", look.attachments)
            self._monitor.add(self.name, look.aside is None)
            yield from look.found
            self._monitor.add(LOOKED_AT, 1)
        yield from self._slowly(slow)

    def _looks(self, documents: list[Carried]) -> Iterator[_Look]:
        """Parse what is quick: a few one after the other, several at the same time."""
        if self._at_once == 1 or len(documents) < _SEVERAL:
            return (look for document in documents for look in self._look(document, 0))
        return together(documents, self._look, self._at_once, wait=True)

    def _look(self, document: Carried, number: int) -> Iterator[_Look]:
        if document.settled:
            yield _Look([document])
            return
        family = Family.within(self._settings)
        try:
            works = list(self._family(document.work(), self._sandboxes[number], family, slow=False))
        except SetAsideError:
            yield _Look([], aside=document.work())
            return
        yield _Look([pack(each) for each in works], sum(len(each.attachments) for each in works))

    def _set_aside(self, work: Work) -> bool:
        return self._monitor.set_aside(pack(replace(work, slow=True)).packed().data)

    def _slowly(self, works: list[Work]) -> Iterator[Carried]:
        """Parse several documents at once, each in a child process of its own."""

        def read(work: Work, number: int) -> Iterator[Work]:
            return self._family(
                work, self._sandboxes[number], Family.within(self._settings), slow=True
            )

        # Processes that others will use as well must be free again.
        shared = not self._own
        for work in together(works, read, len(self._sandboxes), wait=shared):
            self._monitor.add("attachments", len(work.attachments))
            if work.depth == 0:
                self._monitor.add(self.name, 1)
            yield pack(work)

    def _family(self, work: Work, sandbox: Sandbox, family: Family, slow: bool) -> Iterator[Work]:
        """Yield a document, then what is attached to it, one after the other."""
        with scratch_folder() as folder:
            found = self.attempted(
                work, lambda: [work, *self._parse(work, folder, sandbox, family, slow)]
            )
            yield found[0]
            for child in found[1:]:
                yield from self._family(child, sandbox, family, slow)

    def _parse(
        self, work: Work, folder: Path, sandbox: Sandbox, family: Family, slow: bool
    ) -> list[Work]:
        """Parse one document; return what is attached to it."""
        if work.depth > self._settings.attachment_depth:
            raise LimitExceededError(
                f"attachments are followed {self._settings.attachment_depth} deep "
                "(PMOVES_INGEST__ATTACHMENT_DEPTH); this one lies deeper"
            )
        if work.depth:
            family.take(work.size_bytes)
        path, stopping = self._local(work, folder), self._monitor.stopping
        try:
            work.media_type, parsed = sandbox.parse(path, self._limits, folder, stopping)
        except SetAsideError:
            if not slow:
                raise
            work.media_type, parsed = sandbox.parse(path, self._slow_limits, folder, stopping)
        seen = self._describing.described(parsed, folder)
        work.parsed = replace(seen, attachments=(), preview=None, picture=None)
        work.title = clean(parsed.title or "") or None
        work.pages, work.needs_ocr = parsed.pages, parsed.needs_ocr
        work.preview = keep_preview(parsed.preview, work, folder, self._settings)
        _keep(work, path)
        found = children(work, parsed.attachments, folder)
        work.attachments = tuple(child.file.uri for child in found)
        work.pipeline = with_reading(
            work.pipeline, work.media_type, parsed.metadata, self._settings
        )
        return found

    def _local(self, work: Work, folder: Path) -> Path:
        """Return a path to the file, which for an object is fetched first."""
        if work.file.stored is None:
            return with_suffix(work, folder)
        path = folder / f"object{suffix_of(work.name)}"
        most = self._settings.max_file_bytes
        fetched = self._objects.fetch(work.file.stored, path, most)
        work.content_hash, work.size_bytes = fetched.content_hash, fetched.size
        return path


def new_sandboxes(settings: IngestSettings, function: str = PARSE_FILE) -> list[Sandbox]:
    """Return the child processes of one worker, which start with their first document."""
    limits = settings.parse_limits()
    return [
        Sandbox(limits, settings.parse_process_documents, function)
        for _ in range(settings.stages.slow_documents)
    ]


def _keep(work: Work, path: Path) -> None:
    """Take a recording out of the scratch folder, which does not last until it is heard."""
    fleeting = work.depth > 0 or work.file.stored is not None
    if fleeting and work.parsed is not None and work.parsed.needs_speech:
        kept = Path(tempfile.mkdtemp(prefix=RECORDING_FOLDER)) / f"recording{path.suffix}"
        shutil.move(path.resolve(), kept)
        work.file = replace(work.file, path=kept)
