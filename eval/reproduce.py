"""How to make the figures of a run again: the command, and the settings that were changed."""

import shlex
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel

from eval.provenance import Provenance
from retrieval.chunk import JsonValue
from retrieval.settings import LibrarySettings

if TYPE_CHECKING:
    import typer

# They say where to write and how to print, or are secret.
_LEFT_OUT = frozenset({"api_key", "out", "form", "as_json", "save_baseline", "tolerance"})
_GIVEN = frozenset({"COMMANDLINE", "ENVIRONMENT"})


def command_line(context: "typer.Context") -> str:
    """Return the call of `pmoves evaluate`, as far as it decides about figures."""
    return shlex.join(["pmoves", "evaluate", *_words(context)])


def reproduction(source: Provenance) -> list[str]:
    """Return the lines of a shell that make a run again; none where no command made it.

    Settings of a mesh are given to `pmoves up`, those of a search in process to the
    command itself.
    """
    if not source.command:
        return []
    changed = [f"{name}={shlex.quote(value)}" for name, value in _changed(source)]
    if " --against " in source.command and changed:
        return [" ".join([*changed, "pmoves up --detach"]), source.command]
    return [" ".join([*changed, source.command])]


def _words(context: "typer.Context") -> Iterator[str]:
    options: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        origin = context.get_parameter_source(name)
        if name in _LEFT_OUT or origin is None or origin.name not in _GIVEN:
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            yield str(value)
        elif value is True:
            options.append(parameter.opts[0])
        elif value is False:
            options += parameter.secondary_opts[:1]
        else:
            values = value if isinstance(value, list | tuple) else [value]
            options += [word for item in values for word in (parameter.opts[0], _plain(item))]
    yield from options


def _plain(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _changed(source: Provenance) -> Iterator[tuple[str, str]]:
    """Yield the environment variables of the deciding settings that are not the defaults."""
    for group, found in source.description.settings.items():
        if not isinstance(found, Mapping):
            continue
        usual = _defaults(group)
        for name, value in found.items():
            if usual is None or (name in usual and value != usual[name]):
                yield f"PMOVES_{group}__{name}".upper(), str(value)


def _defaults(group: str) -> Mapping[str, JsonValue] | None:
    """Return the defaults of a group of the library's settings; of others only changes are told."""
    field = LibrarySettings.model_fields.get(group)
    if field is None or not isinstance(field.default, BaseModel):
        return None
    found: Mapping[str, JsonValue] = field.default.model_dump(mode="json")
    return found
