"""Reads the settings and names everything that is wrong with them, all at once."""

import difflib
import io
import json
import logging
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cluster.errors import ConfigError
from cluster.mesh.processes import FOLDER_MARK, HOME_MARK, MARK
from cluster.setting_fields import SettingField, display, groups, plain, setting_fields
from cluster.setting_origins import DEFAULT, Given, Origins, line_of, read_origins
from cluster.settings import Settings

# Names that are no settings: set by the mesh for its own processes, or for debugging.
RESERVED_NAMES = frozenset({"PMOVES_DEBUG", "PMOVES_PEER_NAMED", MARK, FOLDER_MARK, HOME_MARK})
_TEST_PREFIX = "PMOVES_TEST_"
UNUSED_PREDECESSOR_NAMES = {
    "NEO4J_DICT_REFRESH_SEC": "names are read anew whenever they change",
    "NEO4J_DICT_LIMIT": "all names are read",
    "ENTITY_CACHE_TTL": "names are read anew whenever they change",
    "ENTITY_CACHE_MAX": "all names are kept",
    "USE_MEILI": "give PMOVES_MEILISEARCH__URL, with PMOVES_PROFILE=cluster",
    "PDF_MAX_PAGES": "give PMOVES_INGEST__MAX_PAGES",
    "PDF_DEFAULT_NAMESPACE": "give PMOVES_SEARCH__NAMESPACE",
    "PMOVES_CONTRACTS_DIR": "contracts are part of the package",
}
"""Names of the predecessor that have no effect, and what holds instead."""
# Broken lines of `.env` are reported here, with their number.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)
_ENV_FILE = Path(".env")
_TOML_FILE = Path("pmoves.toml")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: the setting or name, where it was given, and what to do."""

    name: str
    origin: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message} [from {self.origin}]"


@dataclass(frozen=True, slots=True)
class Report:
    """The settings, if they can be used, with every fault and note.

    `unknown` are names that look like settings but are none, and `incomplete` settings that
    lack another one: they stop nothing, and `config check` counts them as faults.
    """

    settings: Settings | None
    faults: tuple[Fault, ...]
    unknown: tuple[Fault, ...]
    notes: tuple[str, ...]
    origins: Origins
    incomplete: tuple[Fault, ...] = ()

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Wrong values, unknown names and what lacks something together."""
        return (*self.faults, *self.unknown, *self.incomplete)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as `config show` prints it."""

    name: str
    env: str
    value: str
    origin: str


def read_settings() -> Report:
    """Read the settings from the environment and the files of the working folder."""
    unreadable = (*_broken_toml(), *_broken_env_file())
    if unreadable:
        return Report(None, unreadable, (), _notes(), Origins(()))
    origins = read_origins(os.environ, _ENV_FILE, _TOML_FILE)
    settings, faults = _validate(origins)
    lacking = tuple(_incomplete(settings, origins)) if settings else ()
    wrong = (*_broken_env_lines(), *faults)
    return Report(settings, wrong, _unknown(origins), _notes(), origins, lacking)


def require_usable(report: Report) -> Settings:
    """Return the settings, or raise `ConfigError` with every wrong value."""
    if report.settings is None or report.faults:
        raise ConfigError(_sentence(report.faults))
    return report.settings


def rows(report: Report, settings: Settings) -> list[Row]:
    """Every setting with its value, secrets masked, and its origin."""
    return [
        Row(field.name, field.env, display(field, field.value(settings)), origin)
        for field in setting_fields()
        for origin in [report.origins.of(field.path)]
    ]


def given_values(report: Report, settings: Settings) -> dict[str, str]:
    """The settings that somebody gave, as environment variables for other processes."""
    return {
        field.env: plain(field.value(settings))
        for field in setting_fields()
        if report.origins.of(field.path) != DEFAULT
    }


def _validate(origins: Origins) -> tuple[Settings | None, tuple[Fault, ...]]:
    try:
        return Settings(), ()
    except ValidationError as error:
        return None, tuple(_fault(details, origins) for details in error.errors())


def _fault(details: ErrorDetails, origins: Origins) -> Fault:
    path = tuple(str(part) for part in details["loc"])
    field = _field_at(path)
    name = ".".join(path)
    if details["type"] == "extra_forbidden":
        return Fault(name, origins.of(path), f"there is no such setting{_hint(path)}")
    message = details["msg"][0].lower() + details["msg"][1:]
    shown = "" if field is None or field.secret else f" but is {details['input']!r}"
    if details["type"] == "list_type" and isinstance(details["input"], str):
        shown += f"; write {json.dumps([details['input']])}"
    return Fault(name, origins.of(path), message + shown)


def _field_at(path: tuple[str, ...]) -> SettingField | None:
    return next((f for f in setting_fields() if path[: len(f.path)] == f.path), None)


def _unknown(origins: Origins) -> tuple[Fault, ...]:
    # Unknown members of a known group are refused by the model itself.
    tops = {field.path[0] for field in setting_fields()}
    return tuple(
        Fault(given.variable, given.origin, f"there is no such setting{_hint(given.path)}")
        for given in origins.given
        if given.path[0] not in tops and not _reserved(given)
    )


def _incomplete(settings: Settings, origins: Origins) -> Iterator[Fault]:
    if not settings.uses_supabase:
        return
    from retrieval.state.supabase_faults import key_fault

    if fault := key_fault(settings.supabase):
        origin = origins.of(("supabase", "url"))
        yield Fault("supabase.key", origin, f"{fault}. Until then every gate fails")


def _reserved(given: Given) -> bool:
    name = given.variable.upper()
    return name in {*RESERVED_NAMES, *UNUSED_PREDECESSOR_NAMES} or name.startswith(_TEST_PREFIX)


def _hint(path: tuple[str, ...]) -> str:
    names = {field.name: f"{field.name} ({field.env})" for field in setting_fields()}
    names |= {group: f"the group {group}" for group in groups()}
    close = difflib.get_close_matches(".".join(path), names, n=1)
    return f"; did you mean {names[close[0]]}?" if close else ""


def _notes() -> tuple[str, ...]:
    return tuple(
        f"{name} has no effect: {instead}"
        for name, instead in UNUSED_PREDECESSOR_NAMES.items()
        if os.environ.get(name)
    )


def _broken_toml() -> Iterator[Fault]:
    if not _TOML_FILE.is_file():
        return
    try:
        tomllib.loads(_TOML_FILE.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield Fault(str(_TOML_FILE), str(_TOML_FILE.absolute()), f"is no valid TOML: {error}")


def _broken_env_file() -> Iterator[Fault]:
    if not _ENV_FILE.is_file():
        return
    try:
        _ENV_FILE.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield Fault(str(_ENV_FILE), str(_ENV_FILE.absolute()), f"is no UTF-8 text: {error}")


def _broken_env_lines() -> Iterator[Fault]:
    if not _ENV_FILE.is_file():
        return
    for binding in parse_stream(io.StringIO(_ENV_FILE.read_text(encoding="utf-8"))):
        if binding.error:
            line = f"{_ENV_FILE}, line {line_of(binding)}"
            yield Fault(str(_ENV_FILE), line, "is not NAME=value")


def _sentence(faults: tuple[Fault, ...]) -> str:
    count = "1 setting is" if len(faults) == 1 else f"{len(faults)} settings are"
    lines = "\n".join(f"  {fault}" for fault in faults)
    return f"{count} wrong; correct and try again (`pmoves config check`):\n{lines}"
