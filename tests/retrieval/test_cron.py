"""Cron expressions: what is one, and which moments it names."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from retrieval.cron import CronExpression, TimeZone, next_time


def test_times_are_those_of_the_zone_with_its_summer_time() -> None:
    winter = datetime(2026, 1, 15, 12, tzinfo=UTC)
    summer = datetime(2026, 7, 15, 12, tzinfo=UTC)
    at_three = [next_time("0 3 * * *", "Europe/Berlin", moment) for moment in (winter, summer)]
    assert [moment.astimezone(UTC).hour for moment in at_three] == [2, 1]


@pytest.mark.parametrize("text", ["*/5 * * * *", "30 3 * * mon-fri", "0 0 29 2 *", "0 0 l * *"])
def test_expressions_of_five_fields_are_taken(text: str) -> None:
    assert TypeAdapter(CronExpression).validate_python(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("daily at noon", "no cron expression"),
        ("@daily", "no cron expression"),
        ("0 3 * * * 30", "no cron expression"),
        ("60 3 * * *", "no cron expression"),
        ("", "no cron expression"),
        ("0 0 31 2 *", "never comes"),
        ("0 3 * * " + "1," * 100 + "1", "200"),
    ],
)
def test_other_expressions_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(CronExpression).validate_python(text)


@pytest.mark.parametrize("text", ["Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_places_without_a_clock_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="time zone"):
        TypeAdapter(TimeZone).validate_python(text)
