"""Curated dictionaries of names as files: one row an alias, in CSV or YAML."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from retrieval.entity import Alias, Entity
from retrieval.errors import InvalidInputError
from retrieval.graph.folding import words

Format = Literal["csv", "yaml"]
_SHOWN_FAULTS = 10
_EXAMPLE = Path(__file__).with_name("example.csv")

Text = Annotated[
    str,
    BeforeValidator(lambda value: value if value is not None else ""),
    StringConstraints(strip_whitespace=True, max_length=1_000),
]
Certainty = Annotated[
    float,
    BeforeValidator(lambda value: 1.0 if value in ("", None) else value),
    Field(ge=0, le=1, allow_inf_nan=False),
]
Type = Annotated[
    str,
    BeforeValidator(lambda value: value or "PERSONA"),
    StringConstraints(strip_whitespace=True, to_upper=True, max_length=100),
]


class DictionaryRow(BaseModel):
    """One alias of one entity; without `alias`, the entity alone. Empty cells are defaults."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    persona_slug: Text = ""
    persona_name: Text
    alias: Text = ""
    alias_type: Text = ""
    source: Text = ""
    source_reference: Text = ""
    confidence: Certainty = 1.0
    notes: Text = ""
    entity_type: Type = "PERSONA"

    @model_validator(mode="after")
    def _names_hold_words(self) -> Self:
        if not words(self.persona_name):
            raise ValueError("persona_name: holds no letter and no digit")
        if self.alias and not words(self.alias):
            raise ValueError("alias: holds no letter and no digit")
        return self


COLUMNS = tuple(DictionaryRow.model_fields)


def example_path() -> Path:
    """Return the path of the dictionary that comes with the package."""
    return _EXAMPLE


def format_of(path: Path) -> Format:
    """Return the format that the ending of `path` names; `InvalidInputError` if it is another."""
    match path.suffix.lower():
        case ".csv":
            return "csv"
        case ".yaml" | ".yml":
            return "yaml"
    raise InvalidInputError(f"{path}: a dictionary ends in .csv, .yaml or .yml")


def read_rows(path: Path) -> list[DictionaryRow]:
    """Return the rows of a dictionary.

    Raises `InvalidInputError` that names every wrong row, and `OSError` where the file
    cannot be read.
    """
    form = format_of(path)
    try:
        text = path.read_text("utf-8-sig")
        given = list(_csv_rows(text) if form == "csv" else _yaml_rows(text))
    except (UnicodeDecodeError, csv.Error, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path} is no {form.upper()} in UTF-8: {error}") from error
    rows, faults = _validated(given)
    if faults:
        more = len(faults) - _SHOWN_FAULTS
        rest = f"; and {more} more" if more > 0 else ""
        raise InvalidInputError(f"{path}: {'; '.join(faults[:_SHOWN_FAULTS])}{rest}")
    return rows


def write_rows(rows: Sequence[DictionaryRow], form: Format) -> str:
    """Return `rows` as the text of a file."""
    plain = [row.model_dump() for row in rows]
    if form == "yaml":
        return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain)
    return text.getvalue()


def rows_of(entities: Iterable[Entity]) -> list[DictionaryRow]:
    """Return the rows from which an import makes `entities` again."""
    return [
        _row(entity, alias)
        for entity in entities
        for alias in (Alias("", "", entity.source, "", entity.confidence), *entity.aliases)
    ]


def _row(entity: Entity, alias: Alias) -> DictionaryRow:
    return DictionaryRow(
        persona_slug=entity.entity_id,
        persona_name=entity.name,
        alias=alias.name,
        alias_type=alias.kind,
        source=alias.source,
        source_reference=alias.reference,
        confidence=alias.confidence,
        notes=alias.notes,
        entity_type=entity.type,
    )


def _csv_rows(text: str) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="cells beyond the columns")
    for row in reader:
        yield f"line {reader.line_num}", row


def _yaml_rows(text: str) -> Iterator[tuple[str, Any]]:
    listed = yaml.safe_load(text) or []
    if not isinstance(listed, list):
        raise InvalidInputError("a dictionary in YAML is a list of rows")
    for number, row in enumerate(listed, 1):
        yield f"row {number}", row


def _validated(
    given: Iterable[tuple[str, Mapping[str, Any]]],
) -> tuple[list[DictionaryRow], list[str]]:
    rows, faults = [], []
    for where, values in given:
        try:
            rows.append(DictionaryRow.model_validate(values))
        except ValidationError as error:
            faults += [f"{where}: {_sentence(fault)}" for fault in error.errors()]
    return rows, faults


def _sentence(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"unknown column {fault['loc'][0]!r}; the columns are {', '.join(COLUMNS)}"
    place = f"{fault['loc'][0]}: " if fault["loc"] else ""
    return f"{place}{fault['msg'].removeprefix('Value error, ')}"
