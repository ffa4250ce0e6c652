"""Errors of bring-up, of the command line and of its client."""

from retrieval.errors import PmovesError


class ConfigError(PmovesError):
    """One or more settings are wrong; the message lists them all."""


class MeshError(PmovesError):
    """The mesh cannot be started, reached or stopped."""


class PortBusyError(MeshError):
    """A port that the mesh needs is taken."""


class NotReadyError(MeshError):
    """The mesh did not become ready in time; the message names the part."""


class MissingEngineError(MeshError):
    """An engine cannot be started, since something that it needs is not installed."""


class ClientError(PmovesError):
    """A running mesh refused a call or did not answer."""


class UsageError(PmovesError):
    """The command line asks for something that cannot be done that way."""


class NotFoundError(PmovesError):
    """There is no document or job of that name."""


class BackupError(PmovesError):
    """A backup cannot be made or restored; nothing was overwritten."""
