"""Who asks, and the wall between namespaces that every route goes by."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from serve_apps.problems import FORBIDDEN, ProblemError


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request may touch: `namespaces` None means all of them.

    `guarded` callers have shown no key; they must be programs on this machine.
    """

    namespaces: tuple[str, ...] | None
    guarded: bool = False

    def sees(self, namespace: str) -> bool:
        """Say whether `namespace` is one of the caller's."""
        return self.namespaces is None or namespace in self.namespaces

    def require(self, *namespaces: str) -> None:
        """Raise `ProblemError` 403 unless all of `namespaces` are the caller's.

        The answer is the same whether a foreign namespace holds anything or not.
        """
        for namespace in namespaces:
            if not self.sees(namespace):
                raise ProblemError(
                    FORBIDDEN,
                    f"This key is not for the namespace {namespace!r}. Name one that it is for; "
                    "GET /namespaces lists those that hold something.",
                )

    def chosen(self, namespace: str | None, default: str) -> str:
        """Return `namespace`, which must be the caller's, or the one meant by leaving it out.

        That is the only one of a caller that has no other, else `default`.
        """
        chosen = namespace or self.fallback(default)
        self.require(chosen)
        return chosen

    def fallback(self, default: str) -> str:
        """Return the namespace that is meant where none is named; it may be a foreign one."""
        if self.namespaces is not None and len(self.namespaces) == 1:
            return self.namespaces[0]
        return default

    def listed(self, wanted: Sequence[str]) -> list[str] | None:
        """Return the namespaces to list from: those `wanted`, else all of the caller's."""
        self.require(*wanted)
        if wanted:
            return list(wanted)
        return None if self.namespaces is None else list(self.namespaces)


# Until somebody has looked at a request, it may touch nothing.
NOBODY = Caller(namespaces=())


def caller_of(request: Request) -> Caller:
    """Return who asks."""
    caller = getattr(request.state, "caller", NOBODY)
    assert isinstance(caller, Caller)
    return caller
