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


class GoneError(SourceError):
    """The host of a page says that the page is no longer there."""


class SandboxError(PmovesError):
    """Parser processes cannot be started at all; no document is to blame."""


class JobError(PmovesError):
    """A job ended before its documents did, for a reason that is none of theirs."""
