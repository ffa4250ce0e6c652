"""The list of all settings, read from their models."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cluster.settings import Settings

ENV_PREFIX = "PMOVES_"
_MASK = "********"


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting: its place in the model, and what the model says of it."""

    path: tuple[str, ...]
    description: str
    default: object
    secret: bool

    @property
    def name(self) -> str:
        """The dotted name, as in `pmoves.toml`: `search.alpha`."""
        return ".".join(self.path)

    @property
    def env(self) -> str:
        """The name in the environment: `PMOVES_SEARCH__ALPHA`."""
        return ENV_PREFIX + "__".join(self.path).upper()

    def value(self, settings: BaseModel) -> object:
        """The setting's value in `settings`."""
        found: object = settings
        for part in self.path:
            found = getattr(found, part)
        return found


@cache
def setting_fields() -> tuple[SettingField, ...]:
    """Every setting, in the order of the models; top-level settings first."""
    found = list(_walk(Settings, ()))
    return tuple(sorted(found, key=lambda field: len(field.path) > 1))


def groups() -> frozenset[str]:
    """Names of the groups of settings."""
    return frozenset(field.path[0] for field in setting_fields() if len(field.path) > 1)


def display(field: SettingField, value: object) -> str:
    """`value` as text for people; secrets and passwords are masked."""
    if isinstance(value, SecretStr):
        return _MASK if value.get_secret_value() else ""
    text = plain(value)
    return _without_password(text) if field.name.endswith("url") else text


def plain(value: object) -> str:
    """`value` as it is written in the environment; lists are JSON."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple, dict)):
        import json

        return json.dumps(value, default=str)
    return "" if value is None else str(value)


def _walk(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[SettingField]:
    for name, info in model.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            yield from _walk(group, (*path, name))
        else:
            yield _field((*path, name), info)


def _field(path: tuple[str, ...], info: FieldInfo) -> SettingField:
    default = cast("object", info.get_default(call_default_factory=True))
    return SettingField(
        path=path,
        description=info.description or "",
        default=default,
        secret=info.annotation is SecretStr,
    )


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, separator, userinfo = head.partition("://")
    user, colon, _ = userinfo.partition(":")
    if not (at and separator and colon):
        return url
    return f"{scheme}://{user}:{_MASK}@{tail}"
