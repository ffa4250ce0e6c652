"""Errors of ingestion: each becomes the reason of a quarantined document."""

from retrieval.errors import PmovesError


class IngestError(PmovesError):
    """Root of ingestion errors; `str()` is a sentence for the ledger."""


class UnsupportedTypeError(IngestError):
    """No parser reads this media type."""


class UnreadableFileError(IngestError):
    """The file is damaged, encrypted, or not what it claims to be."""


class EmptyDocumentError(IngestError):
    """The file was read, but holds no text."""


class NeedsOcrError(EmptyDocumentError):
    """Every page is an image: text would need OCR."""


class NoSpeechError(EmptyDocumentError):
    """The recording was listened to, but nobody speaks in it."""


class SetAsideError(IngestError):
    """Reading the document takes long; it waits until what is quick is done.

    No reason of a quarantined document: it leaves the parser process, and no stage.
    """


class LimitExceededError(IngestError):
    """Time, memory, size, page or output limit of one document."""


class ParserCrashedError(IngestError):
    """The process that parsed the document died."""


class SourceError(IngestError):
    """A source cannot be listed or read."""


class SpeechError(PmovesError):
    """The speech recogniser cannot be loaded at all; no document is to blame."""


class VideoGoneError(SourceError):
    """The video was removed, or is private; nobody will have it however often one asks."""


class GoneError(SourceError):
    """The host of a page says that the page is no longer there."""


class SandboxError(PmovesError):
    """Parser processes cannot be started at all; no document is to blame."""


class JobError(PmovesError):
    """A job ended before its documents did, for a reason that is none of theirs."""


class StoppedError(Exception):
    """The job is to end; the document in hand is to blame for nothing."""
