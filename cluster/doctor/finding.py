"""What one check of the doctor found."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: `advice` says what to do where `level` is not ok."""

    name: str
    level: Level
    detail: str
    advice: str = ""


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", detail)


def warn(name: str, detail: str, advice: str) -> Finding:
    """Works, but not for long or not well."""
    return Finding(name, "warn", detail, advice)


def fail(name: str, detail: str, advice: str) -> Finding:
    """Does not work."""
    return Finding(name, "fail", detail, advice)
