"""Versions of installed packages."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def version_of(package: str) -> str:
    """Return the installed version of `package`, "0" where there is none.

    That is so for this project itself where it runs from a checkout.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "0"
