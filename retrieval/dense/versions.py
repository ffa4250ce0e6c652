"""From one snapshot to the next, and whole snapshots from the corpus alone."""

from collections.abc import Callable, Collection
from dataclasses import replace

import lance

from retrieval.corpus.dense_build import wanted_build
from retrieval.corpus.numbering import index_version, numbering_of
from retrieval.corpus.store import Corpus
from retrieval.dense.applying import Applying
from retrieval.dense.building import Built, build
from retrieval.dense.holding import EVERYTHING, Holding
from retrieval.dense.snapshot import Segments, Snapshot
from retrieval.dense.tiers import Plan, Sizes, joined, next_plan
from retrieval.identity import EmbeddingIdentity


def first_version(
    dataset: lance.LanceDataset,
    identity: EmbeddingIdentity,
    sizes: Sizes,
    saved: Segments,
    holding: Holding = EVERYTHING,
) -> Snapshot:
    """Return the snapshot of `dataset`; vectors that are in `saved` are not read."""
    work = Applying(dataset, saved, holding)
    fragments = work.apply({}, bool(saved))
    namespaces = _joined(work, work.namespaces.keys(), sizes)
    version, numbering = index_version(dataset), numbering_of(dataset)
    number = wanted_build(dataset)
    return Snapshot(version, numbering, identity, dataset, fragments, namespaces, number, holding)


def next_version(
    old: Snapshot,
    dataset: lance.LanceDataset,
    identity: EmbeddingIdentity,
    sizes: Sizes,
    busy: Collection[int] = (),
) -> Snapshot:
    """Return the snapshot of `dataset`, another version of the table of `old`.

    `identity` makes the same vectors as that of `old`, and may make others of questions.
    Stores whose ids are in `busy` stay as they are.
    """
    work = Applying(dataset, old.namespaces, old.holding, old.dataset)
    fragments = work.apply(old.fragments, False)
    return replace(
        old,
        version=index_version(dataset),
        numbering=numbering_of(dataset),
        identity=identity,
        dataset=dataset,
        fragments=fragments,
        namespaces=_joined(work, work.changed, sizes, busy),
    )


def build_anew(
    corpus: Corpus, sizes: Sizes, ended: Callable[[], bool], holding: Holding = EVERYTHING
) -> Snapshot | None:
    """Return a snapshot read from the corpus alone, with nothing left to build.

    None once `ended()` says that nobody wants it any more.
    """
    dataset = corpus.dataset()
    made = first_version(dataset, corpus.identity_at(dataset), sizes, {}, holding)
    while not ended():
        name, plan = first_plan(made.namespaces, sizes)
        if plan is None:
            return made
        made = with_built(made, name, build(plan.segments, plan.clustered), sizes) or made
    return None


def with_built(snapshot: Snapshot, name: str, built: Built, sizes: Sizes) -> Snapshot | None:
    """Return `snapshot` with the new store of namespace `name` in the place of its sources.

    None where it does not hold these any more.
    """
    before = snapshot.namespaces.get(name, ())
    current = [part for store in built.sources for part in before if part.store is store]
    if len(current) < len(built.sources):
        return None
    kept = [part for part in before if part not in current]
    after = joined([built.segment(current), *kept], sizes)
    return replace(snapshot, namespaces=dict(snapshot.namespaces) | {name: after})


def first_plan(namespaces: Segments, sizes: Sizes) -> tuple[str, Plan | None]:
    """Return what to build next, and in which namespace."""
    for name, segments in namespaces.items():
        if plan := next_plan(segments, sizes):
            return name, plan
    return "", None


def _joined(
    work: Applying, changed: Collection[str], sizes: Sizes, busy: Collection[int] = ()
) -> Segments:
    namespaces = {
        name: joined(parts, sizes, busy) if name in changed else tuple(parts)
        for name, parts in work.namespaces.items()
    }
    return {name: parts for name, parts in namespaces.items() if parts}
