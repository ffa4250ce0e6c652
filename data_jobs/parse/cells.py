"""Values of spreadsheet cells as people read them."""

from datetime import date, datetime, time, timedelta


def cell_text(value: object, number_format: str = "General") -> str:
    """Return a value as text: ISO dates, numbers without noise, percentages as shown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, number_format)
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    return str(value)


def _number(value: float, number_format: str) -> str:
    if "%" in number_format:
        return f"{value * 100:.10g}%"
    # Fifteen digits are what a spreadsheet keeps; more shows binary noise.
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _duration(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    sign = "-" if seconds < 0 else ""
    minutes, seconds = divmod(abs(seconds), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
