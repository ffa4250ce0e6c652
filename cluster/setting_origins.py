"""Where the value of each setting comes from.

The order is that of `retrieval.settings`: environment, predecessor names in the
environment, `.env`, `pmoves.toml`, default.
"""

import io
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from cluster.setting_fields import ENV_PREFIX, groups
from retrieval.settings import predecessor_paths

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody gave: for which setting, where, and under which name."""

    path: tuple[str, ...]
    origin: str
    variable: str


@dataclass(frozen=True, slots=True)
class Origins:
    """All values given, strongest first."""

    given: tuple[Given, ...]

    def of(self, path: tuple[str, ...]) -> str:
        """Where the value at `path` comes from, or `"default"`."""
        for value in self.given:
            shared = min(len(path), len(value.path))
            if value.path[:shared] == path[:shared] and shared:
                return value.origin
        return DEFAULT


def read_origins(
    environment: Mapping[str, str] | None = None,
    env_file: Path = Path(".env"),
    toml_file: Path = Path("pmoves.toml"),
) -> Origins:
    """Collect every value given in the environment and in both files."""
    variables = os.environ if environment is None else environment
    return Origins(
        (
            *_from_environment(variables),
            *_from_predecessor(variables),
            *_from_env_file(env_file),
            *_from_toml(toml_file),
        )
    )


def setting_path(variable: str) -> tuple[str, ...] | None:
    """The path that `variable` sets, or None where the name is not ours."""
    if not variable.upper().startswith(ENV_PREFIX):
        return None
    return tuple(variable[len(ENV_PREFIX) :].lower().split("__"))


def line_of(binding: Binding) -> int:
    """The line on which a binding of `.env` stands, from 1; the parser counts blanks before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _from_environment(variables: Mapping[str, str]) -> Iterator[Given]:
    found = [given for name in sorted(variables) for given in _of_variable(name, variables[name])]
    yield from sorted(found, key=lambda given: -given.variable.count("__"))


def _of_variable(name: str, value: str) -> Iterator[Given]:
    path = setting_path(name)
    if not path:
        return
    members = _members(path, value)
    for inner in members:
        yield Given((*path, inner), f"environment variable {name}", name)
    if not members:
        yield Given(path, f"environment variable {name}", name)


def _members(path: tuple[str, ...], value: str) -> list[str]:
    # A whole group may be given as one JSON object.
    if len(path) > 1 or path[0] not in groups():
        return []
    try:
        parsed = json.loads(value)
    except ValueError:
        return []
    return list(parsed) if isinstance(parsed, dict) else []


def _from_predecessor(variables: Mapping[str, str]) -> Iterator[Given]:
    for name, path in predecessor_paths(variables):
        yield Given(path, f"environment variable {name} (predecessor)", name)


def _from_env_file(path: Path) -> Iterator[Given]:
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    # The last of several lines for one name counts.
    for binding in reversed(list(parse_stream(io.StringIO(text)))):
        found = setting_path(binding.key) if binding.key else None
        if found:
            origin = f"{path}, line {line_of(binding)} ({binding.key})"
            yield Given(found, origin, binding.key or "")


def _from_toml(path: Path) -> Iterator[Given]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        table = tomllib.load(file)
    for name, value in table.items():
        if isinstance(value, dict) and name in groups():
            for inner in value:
                yield Given((name, inner), f"{path}, {name}.{inner}", f"{name}.{inner}")
        else:
            yield Given((name,), f"{path}, {name}", name)
