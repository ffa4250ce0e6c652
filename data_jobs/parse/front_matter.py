"""YAML front matter of Markdown files."""

from collections.abc import Iterable
from datetime import date

import yaml

from data_jobs.parse.base import MetadataValue

_LONGEST = 65_536


def read_front_matter(text: str) -> dict[str, MetadataValue] | None:
    """Return the plain values of a front matter; None if it is not a YAML mapping.

    Nested mappings are left out: metadata is flat.
    """
    if not text.strip():
        return {}
    try:
        loaded: object = yaml.safe_load(text) if len(text) <= _LONGEST else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(loaded, dict):
        return None
    values = ((str(key), _value(value)) for key, value in loaded.items())
    return {key: value for key, value in values if value is not None}


def _value(value: object) -> MetadataValue | None:
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return list(_words(value)) or None
    return None


def _words(values: Iterable[object]) -> Iterable[str]:
    return (str(value) for value in values if isinstance(value, str | bool | int | float | date))
