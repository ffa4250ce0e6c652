"""How relevant a document is, as a file has it."""

import re

_GRADE = re.compile(r"-?[0-9]{1,9}")


def is_grade(text: str) -> bool:
    """Say whether `text` is a whole number of at most nine digits."""
    return _GRADE.fullmatch(text) is not None


def no_grade(text: str) -> str:
    """Return what is wrong with a `text` that is none."""
    return f"the grade {text[:40]!r} is not a whole number of at most nine digits"
