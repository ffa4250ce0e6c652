"""The follower that the settings ask for."""

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.dense.tiers import Sizes
from retrieval.ids import content_hash
from retrieval.settings import LibrarySettings

_NAME_DIGITS = 12


def open_follower(corpus: Corpus, settings: LibrarySettings) -> DenseFollower:
    """Return a follower of `corpus` that saves below `settings.cache_dir`, if it may."""
    sizes = Sizes(exact=settings.dense.exact_rows)
    if not settings.dense.save:
        return DenseFollower(corpus, sizes)
    # Two corpora in one home must not tidy each other's files away.
    name = f"dense-{content_hash(corpus.uri)[:_NAME_DIGITS]}"
    return DenseFollower(corpus, sizes, SnapshotFolder(settings.cache_dir / name))
