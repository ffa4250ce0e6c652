"""Times that come again and again, by cron expressions on the clocks of a time zone."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, StringConstraints

from retrieval.chunk import utc_now

_FIELDS = 5


def next_time(expression: str, zone: str, after: datetime) -> datetime:
    """Return the first moment after `after` that `expression` names on the clocks of `zone`."""
    from croniter import croniter

    local = after.astimezone(ZoneInfo(zone))
    found: datetime = croniter(expression, local).get_next(datetime)
    return found


def _cron(text: str) -> str:
    from croniter import croniter
    from croniter.croniter import CroniterBadDateError

    if len(text.split()) != _FIELDS or not croniter.is_valid(text):
        raise ValueError(f"{text!r} is no cron expression of five fields, such as '0 3 * * *'")
    try:
        next_time(text, "UTC", utc_now().astimezone(UTC))
    except CroniterBadDateError as error:
        raise ValueError(f"{text!r} names a day that never comes") from error
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{text!r} is no time zone such as Europe/Berlin") from error
    return text


CronExpression = Annotated[str, StringConstraints(max_length=200), AfterValidator(_cron)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
