"""Where a page stands, for its links to others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """Addresses, each empty where there is none.

    `home` is the list of runs, `sign_out` where a reader who signed in ends that.
    """

    home: str = ""
    sign_out: str = ""
