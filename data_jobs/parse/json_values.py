"""JSON values as records with flat keys."""

from collections.abc import Iterator, Mapping

from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.records import add_records, record_text


def add_json(builder: DocumentBuilder, value: object) -> None:
    """Append a JSON value: lists as records, the rest as lines of key and value."""
    if isinstance(value, list):
        add_records(builder, map(flat_record, value))
    elif isinstance(value, Mapping):
        lists = {key: items for key, items in value.items() if _is_records(items)}
        plain = {key: item for key, item in value.items() if key not in lists}
        builder.add(record_text(flat_record(plain).items()))
        for key, items in lists.items():
            builder.add(f"{key}:")
            add_records(builder, map(flat_record, items))
    else:
        builder.add(_text(value))


def flat_record(value: object) -> dict[str, str]:
    """Return the scalars of a value by their path, such as ``guest.links[0].url``."""
    return dict(_flatten(value, ""))


def _flatten(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from _flatten(item, f"{path}[{index}]")
    elif isinstance(value, list):
        yield clean_text(path), ", ".join(filter(None, map(_text, value)))
    else:
        yield clean_text(path), _text(value)


def _is_records(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return clean_text(str(value))
