"""Files that hold one model each, as JSON or YAML, and what is said of those that do not."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from eval.errors import EvaluationError

Model = TypeVar("Model", bound=BaseModel)
_MERGE = "tag:yaml.org,2002:merge"


def read_json_model(file: Path, kind: type[Model], *, noun: str, remedy: str) -> Model:
    """Read a JSON file that a command of ours has written.

    Raises `EvaluationError`: with `remedy` where the file cannot be read, and with
    the place of the first fault where it is no `noun`.
    """
    content = _content(file, f"; {remedy}")
    with _first_fault(f"{file} is no {noun}"):
        return kind.model_validate_json(content)


def read_yaml_model(file: Path, kind: type[Model]) -> Model:
    """Read a YAML or JSON file that people write.

    Raises `EvaluationError`, which names the file and the first wrong field.
    """
    content = _content(file)
    try:
        value = yaml.load(content, _OnceLoader)
    except yaml.YAMLError as error:
        raise EvaluationError(f"{file} is not YAML: {error}") from error
    with _first_fault(str(file)):
        return kind.model_validate(value)


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice: YAML forbids it, and the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands here twice", key.start_mark
                    )
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def _content(file: Path, remedy: str = "") -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{file} cannot be read: {error.strerror}{remedy}") from error


@contextmanager
def _first_fault(head: str) -> Iterator[None]:
    """Turn a `ValidationError` into one that names the first wrong place, after `head`."""
    try:
        yield
    except ValidationError as error:
        # Of something that may have two forms, our own words tell more than that it is neither.
        first = min(error.errors(), key=lambda fault: fault["type"] != "value_error")
        place = ".".join(map(str, first["loc"])) or "the file"
        raise EvaluationError(f"{head}: {place}: {first['msg']}") from error
