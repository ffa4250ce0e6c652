"""What a figure was measured on."""

import os
import platform
from importlib import metadata

from pydantic import BaseModel


class Machine(BaseModel):
    """The machine and the versions that decide about speed."""

    cores: int
    system: str
    python: str
    versions: dict[str, str]

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.cores} cores, {self.system}, Python {self.python}, {packages}"


def this_machine(*packages: str) -> Machine:
    """Return this machine with the versions of those of `packages` that are installed."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions={name: version for name in packages if (version := _version(name))},
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cores() -> int:
    return os.cpu_count() or 1
