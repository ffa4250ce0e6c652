"""An environment of its own for each peer: pinned packages, installed by uv.

Nothing of a peer is imported here. An environment that was made once is used again,
without any network, until its pins, the interpreter or our PyTorch change.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from filelock import FileLock

from eval.errors import EvaluationError

CHECKOUT = Path(__file__).parents[3]
_REQUIREMENTS = CHECKOUT / "requirements"
_TORCH = (_REQUIREMENTS / "torch.txt", _REQUIREMENTS / "peers" / "torchvision.txt")
_MARK = ".ready"


@dataclass(frozen=True, slots=True)
class Pins:
    """The compiled requirements of an environment.

    Those in `torch` are left to uv's choice where our own PyTorch is a build of its own,
    such as the one without CUDA.
    """

    name: str
    packages: Path
    torch: tuple[Path, ...] = ()


def peer_pins(name: str) -> Pins:
    """Return the pins of the peer called `name`."""
    return Pins(name, _REQUIREMENTS / "peers" / f"{name}.txt", _TORCH)


def ensure_environment(pins: Pins, home: Path) -> Path:
    """Return the interpreter of the environment below `home`, which is made if need be.

    Raises `EvaluationError`, which says what uv said, where a package cannot be installed.
    """
    _require_pins(pins)
    home.mkdir(parents=True, exist_ok=True)
    # Two that are started at once make it once.
    with FileLock(home / f"{pins.name}.lock"):
        return _made(pins, home.absolute() / pins.name)


def package_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of `packages` in the environment of the interpreter `python`."""
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    found = {item.name.lower(): item.version for item in metadata.distributions(path=[str(site)])}
    return {name: found[name] for name in packages}


def _made(pins: Pins, folder: Path) -> Path:
    python, mark = folder / "bin" / "python", folder / _MARK
    wanted = _fingerprint(pins)
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted and python.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _uv(pins.name, "venv", "--quiet", "--python", sys.executable, str(folder))
    for arguments in _installs(pins):
        _uv(pins.name, "pip", "install", "--quiet", "--python", str(folder), *arguments)
    mark.write_text(wanted, encoding="utf-8")
    return python


def _require_pins(pins: Pins) -> None:
    for file in (pins.packages, *pins.torch):
        if not file.is_file():
            raise EvaluationError(
                f"{file} is missing; the peers' pins are part of the repository, so run this from "
                "a checkout (`scripts/compile-peer-requirements` writes them)"
            )


def _fingerprint(pins: Pins) -> str:
    texts = [file.read_bytes() for file in (pins.packages, *pins.torch)]
    digest = hashlib.sha256(b"\0".join([sys.version.encode(), _backend().encode(), *texts]))
    return digest.hexdigest()


def _installs(pins: Pins) -> Iterator[list[str]]:
    """Yield the arguments of each installation, PyTorch first."""
    backend = _backend()
    if pins.torch and backend:
        versions = [_pinned(file) for file in pins.torch]
        yield [f"--torch-backend={backend}", *versions]
    elif pins.torch:
        yield ["--no-deps", *_from_files(pins.torch)]
    yield ["--no-deps", *_from_files([pins.packages])]


def _from_files(files: Sequence[Path]) -> list[str]:
    return [part for file in files for part in ("-r", str(file))]


def _backend() -> str:
    """Return the name of uv's PyTorch backend that ours comes from; empty for the index's own."""
    try:
        return metadata.version("torch").partition("+")[2]
    except metadata.PackageNotFoundError:
        return ""


def _pinned(file: Path) -> str:
    found = re.search(r"^(torch(?:vision)?==[^\s;\\]+)", file.read_text(encoding="utf-8"), re.M)
    if found is None:
        raise EvaluationError(f"{file} pins no version of torch or torchvision")
    return found.group(1)


def _uv(name: str, *arguments: str) -> None:
    command = [_uv_program(), *arguments]
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "PYTHON": sys.executable}
    # Else uv would take our environment for the one that is meant.
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise EvaluationError(
            f"the environment of {name} cannot be made: `uv {' '.join(arguments)}` ended with "
            f"{done.returncode}: {done.stderr.strip()[-1_000:]}\nIts packages come from the index "
            "that uv is set up with; only the first run needs it"
        )


def _uv_program() -> str:
    own = CHECKOUT / "scripts" / "uv"
    found = str(own) if own.is_file() else shutil.which("uv")
    if found is None:
        raise EvaluationError("uv is missing; install it (`pip install uv`) to set the peers up")
    return found
