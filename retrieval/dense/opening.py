"""The follower that the settings ask for."""

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.gpu import open_gpu
from retrieval.dense.holding import EVERYTHING, Holding, Share
from retrieval.dense.shard import DenseShard
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.dense.tiers import Sizes
from retrieval.ids import content_hash
from retrieval.settings import LibrarySettings

_NAME_DIGITS = 12
_ANY = 2**48


def open_follower(
    corpus: Corpus, settings: LibrarySettings, holding: Holding = EVERYTHING
) -> DenseFollower:
    """Return a follower of `corpus` that saves below `settings.cache_dir`, if it may."""
    return _follower(corpus, settings, holding, Sizes(exact=settings.dense.exact_rows))


def open_shard(corpus: Corpus, settings: LibrarySettings, share: Share) -> DenseShard:
    """Return the shard that holds `share` of `corpus`; its first use loads it."""
    gpu = open_gpu(settings.dense.gpu)
    # A GPU compares all vectors in less time than a processor the near ones.
    sizes = Sizes(exact=_ANY if gpu else settings.dense.exact_rows)
    return DenseShard(share.number, _follower(corpus, settings, Holding(share), sizes), gpu)


def _follower(
    corpus: Corpus, settings: LibrarySettings, holding: Holding, sizes: Sizes
) -> DenseFollower:
    share = holding.share
    if not settings.dense.save:
        return DenseFollower(corpus, sizes, None, holding)
    # Two corpora in one home must not tidy each other's files away, nor two shards.
    name = f"dense-{content_hash(corpus.uri)[:_NAME_DIGITS]}"
    name += f"-{share.number}-of-{share.of}" if share else ""
    return DenseFollower(corpus, sizes, SnapshotFolder(settings.cache_dir / name), holding)
