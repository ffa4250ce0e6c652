"""Every error that the library raises on purpose."""


class PmovesError(Exception):
    """Root of the tree.

    The message says what was wrong, where, and what to do about it.
    """


class InvalidInputError(PmovesError):
    """Input that no retry will mend."""


class FilterError(InvalidInputError):
    """A filter names an unknown field or compares it with an unfit value."""


class EmbeddingIdentityError(PmovesError):
    """A write or query uses another embedding model than the corpus was built with."""


class CorpusError(PmovesError):
    """The corpus cannot be read or written."""


class SchemaVersionError(CorpusError):
    """The corpus on disk was written by a newer schema than this code knows."""


class MissingPartError(PmovesError):
    """A package or a model that the settings ask for is not installed."""


class StaleIndexError(PmovesError):
    """The asked-for index version did not become visible in time."""


class StageError(PmovesError):
    """A stage of the query pipeline failed and nothing could take its place."""


class NotEmbeddedError(StageError):
    """Passages could not be embedded, and nothing of the write was stored."""


class EngineError(PmovesError):
    """A remote engine did not do what it was asked; the corpus is not touched by that."""


class EngineBusyError(EngineError):
    """Another process is writing to the engine, which is left to it."""


class OverloadedError(PmovesError):
    """Too much work is waiting already; try again later."""
