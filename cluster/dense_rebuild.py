"""Building the vector index of a corpus anew, by the mesh that searches it or right here."""

import time
from contextlib import closing

from pydantic import BaseModel

from cluster.access.choose import running_mesh
from cluster.access.http import HttpAccess
from cluster.errors import MeshError, UsageError
from cluster.settings import Settings
from retrieval.corpus.dense_build import want_build
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import write
from retrieval.dense.opening import open_follower

_PAUSE_S = 0.2
_PATIENCE_S = 3_600.0


class Rebuilt(BaseModel):
    """What was built: by whom, how many vectors at which index version, in how many seconds."""

    where: str
    version: int
    vectors: int
    seconds: float


def rebuild_dense(settings: Settings, patience_s: float = _PATIENCE_S) -> Rebuilt:
    """Build the vector index anew from the corpus; searches go on in the one before.

    Whatever searches the corpus does so, and is waited for where it is the mesh that these
    settings lead to. Raises `UsageError` where that one searches another corpus, `MeshError`
    where it is not done in `patience_s`.
    """
    corpus, started = Corpus.open_existing(settings.corpus_uri), time.monotonic()
    state = running_mesh(settings)
    if address := settings.url or (state.url if state else ""):
        with closing(HttpAccess(address, settings.api_key.get_secret_value())) as access:
            _require_same(access, corpus)
            number = write(corpus.chunks_uri, want_build)
            version, vectors = _wait(access, number, started + patience_s)
    else:
        write(corpus.chunks_uri, want_build)
        address, (version, vectors) = corpus.uri, _build_here(corpus, settings)
    seconds = round(time.monotonic() - started, 3)
    return Rebuilt(where=address, version=version, vectors=vectors, seconds=seconds)


def _require_same(access: HttpAccess, corpus: Corpus) -> None:
    if (searched := access.stats().collection) != corpus.uri:
        raise UsageError(
            f"the mesh at {access.where} searches {searched}, and these settings name "
            f"{corpus.uri}; give this command the settings of that mesh"
        )


def _wait(access: HttpAccess, number: int, deadline: float) -> tuple[int, int]:
    while time.monotonic() < deadline:
        index = access.stats().index
        build, version, vectors = (
            index.get(name) for name in ("build", "index_version", "vectors")
        )
        if isinstance(build, int) and build >= number:
            assert isinstance(version, int)
            assert isinstance(vectors, dict)
            return version, sum(count for count in vectors.values() if isinstance(count, int))
        time.sleep(_PAUSE_S)
    raise MeshError(
        f"the mesh at {access.where} has not built its vector index anew yet; it goes on by "
        "itself, and its log says what keeps it"
    )


def _build_here(corpus: Corpus, settings: Settings) -> tuple[int, int]:
    follower = open_follower(corpus, settings)
    try:
        snapshot = follower.refresh()
        follower.settle()
        return snapshot.version, sum(snapshot.counts().values())
    finally:
        follower.close(wait=True)
