"""Moments as people type them: a time from now, or a date."""

import re
from datetime import UTC, datetime, timedelta

from cluster.errors import UsageError
from retrieval.chunk import utc_now

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d{1,5})([mhdw])")


def moment(text: str) -> datetime:
    """Return the moment that `text` means, such as `30d` or `2027-01-31`; dates are in UTC."""
    return _moment(text, "--expires", 1)


def past_moment(text: str) -> datetime:
    """Return the moment that `text` means, where `30d` is thirty days ago."""
    return _moment(text, "--since", -1)


def _moment(text: str, option: str, sign: int) -> datetime:
    if span := _SPAN.fullmatch(text):
        return utc_now() + sign * timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option}: {text!r} is no time; write 12h, 30d, 8w or 2027-01-31."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
