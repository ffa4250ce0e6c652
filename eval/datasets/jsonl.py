"""JSON Lines whose every fault is named by file and line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from eval.errors import DatasetError
from retrieval.chunk import JsonValue

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
Record = TypeVar("Record", bound=BaseModel)


def read_records(file: Path, kind: type[Record]) -> Iterator[tuple[int, Record]]:
    """Yield each record with its line number, from 1; empty lines are passed over.

    Raises `DatasetError` at the first line that is not JSON or does not fit `kind`.
    """
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _record(file, number, line, kind)


def _record(file: Path, number: int, line: str, kind: type[Record]) -> Record:
    try:
        return kind.model_validate(_parsed(line))
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at column {error.colno}"
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = f"cannot be read: {error}"
    raise DatasetError.at(file, number, problem)


def _parsed(line: str) -> JsonValue:
    value: JsonValue = json.loads(line)
    if _HALF_PAIR.search(line):
        # An escaped half of a pair is JSON, but no text that could be stored or sent.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value
