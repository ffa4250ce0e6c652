"""The parts of a mesh that may be killed, and what their end may cost a caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import psutil

from cluster.chaos.ledger import Kind, Outcome
from cluster.chaos.mesh import RunningMesh

Way = Literal["kill", "freeze", "fill", "wait"]
Found = dict[int, psutil.Process]
_REFUSED: frozenset[Outcome] = frozenset({"refused cleanly"})
_BROKEN: frozenset[Outcome] = _REFUSED | {"broken off"}
_CLOSED: frozenset[Outcome] = _BROKEN | {"not connected"}


@dataclass(frozen=True, slots=True)
class Cost:
    """How searches and writes may end while a part is away, beside an answer."""

    searches: frozenset[Outcome] = frozenset()
    writes: frozenset[Outcome] = frozenset()

    def allows(self, kind: Kind, outcome: Outcome) -> bool:
        """Whether a request of `kind` may end so; a fresh search is a search."""
        return outcome == "answered" or outcome in (
            self.writes if kind == "write" else self.searches
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of process: where it is found, and the cost of one of several, or of the last.

    What is `on_request` is struck only where somebody names it. Nothing brings back what
    does not come back, once it was killed; the mesh goes on without.
    """

    name: str
    what: str
    find: Callable[[RunningMesh], Found]
    one_of_several: Cost
    the_last: Cost
    ends_the_mesh: bool = False
    on_request: bool = False
    comes_back: bool = True
    ways: tuple[Way, ...] = ("kill", "freeze")

    def cost(self, count: int) -> Cost:
        """Return what the loss of one of `count` may cost."""
        return self.one_of_several if count > 1 else self.the_last


def _titled(title: str) -> Callable[[RunningMesh], Found]:
    return lambda mesh: mesh.processes(title)


def _youngest(title: str) -> Callable[[RunningMesh], Found]:
    """Find the process that is in service; older ones only end what they have in hand."""

    def find(mesh: RunningMesh) -> Found:
        found = mesh.processes(title)
        return dict(sorted(found.items(), key=lambda item: _created(item[1]))[-1:])

    return find


def _created(process: psutil.Process) -> float:
    try:
        return float(process.create_time())
    except psutil.Error:
        return 0.0


def _replica(name: str, what: str, one: Cost, last: Cost) -> Part:
    return Part(name, what, _titled(f"ServeReplica:pmoves:{name}"), one, last)


# A busy machine may refuse a write at any time, cleanly; a search it may not.
_NOTHING = Cost(writes=_REFUSED)
# A write in the hands of a gateway that dies is lost to its caller, who sends it again.
_IN_HAND = Cost(writes=_BROKEN)
_DOOR = Cost(_CLOSED, _CLOSED)

_ALL = (
    _replica("gateway", "a replica of the gateway", _IN_HAND, Cost(_BROKEN, _BROKEN)),
    # Words still find; writes wait, or are refused.
    _replica("embedder", "a replica of the embedder", _NOTHING, _NOTHING),
    _replica("reranker", "a replica of the reranker", _NOTHING, _NOTHING),
    # What it had in hand becomes a Ray job.
    _replica(
        "ingestor", "a replica of the ingestor, with a small job in its hands", _NOTHING, _NOTHING
    ),
    # The others answer, and say what is missing.
    Part(
        "shard",
        "a replica of a shard of the dense index",
        _titled("ServeReplica:pmoves:dense-shard"),
        _NOTHING,
        _NOTHING,
    ),
    Part("controller", "Serve's controller", _titled("ServeController"), _NOTHING, _NOTHING),
    Part("haproxy", "HAProxy, the door", _youngest("haproxy"), _DOOR, _DOOR),
    Part(
        "keeper",
        "the actor that keeps HAProxy; HAProxy may end with it",
        _titled("ray::HAProxyManager"),
        _NOTHING,
        _DOOR,
    ),
    Part(
        "proxy",
        "Serve's own proxy, to which HAProxy turns without a gateway",
        _titled("ray::ProxyActor"),
        _NOTHING,
        _NOTHING,
    ),
    Part(
        "machine",
        "the raylet of a machine that has joined, with all that runs there",
        RunningMesh.workers,
        _IN_HAND,
        _IN_HAND,
        comes_back=False,
    ),
    Part(
        "objects",
        "Ray's object store: not killed, but filled to the brim for a while",
        _titled("raylet"),
        _NOTHING,
        _NOTHING,
        ways=("fill",),
    ),
    Part(
        "disk",
        "the file system of the mesh's home: filled to the last byte for a while, if it is small",
        _titled("ServeReplica:pmoves:gateway"),
        _NOTHING,
        _NOTHING,
        on_request=True,
        ways=("fill",),
    ),
    Part(
        "none",
        "nothing: the load goes on for a while, to compare with",
        _titled("ServeReplica:pmoves:gateway"),
        _NOTHING,
        _NOTHING,
        on_request=True,
        ways=("wait",),
    ),
    Part(
        "gcs",
        "Ray's control service; the head ends with it, so `pmoves up` is called",
        _titled("gcs_server"),
        _DOOR,
        _DOOR,
        ends_the_mesh=True,
        on_request=True,
    ),
    Part(
        "head",
        "Ray's head with all it has started on this machine; `pmoves up` is called",
        RunningMesh.head,
        _DOOR,
        _DOOR,
        ends_the_mesh=True,
        on_request=True,
    ),
)
PARTS: Mapping[str, Part] = {part.name: part for part in _ALL}
# What comes back by itself, and touches nobody else.
SAFE = tuple(part.name for part in _ALL if not part.on_request)
