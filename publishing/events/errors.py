"""Errors of events."""

from retrieval.errors import PmovesError


class EventError(PmovesError):
    """An event does not hold its contract, or the outbox cannot be used."""
