"""What a setting means for a ranking, worked out once for all queries."""

from dataclasses import dataclass
from typing import Self

from eval.sweep.points import ALL_TYPES, Setting, Types
from retrieval.depths import Depths
from retrieval.pool_graph import POOL
from retrieval.query import Fusion
from retrieval.settings import LibrarySettings, RerankSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """How one setting ranks.

    With `corrects` unknown words of the query are read as others. `head` is how many passages
    `reranker` scores, `hits` how many come out, and `pool` how many lend each other their
    scores. Entities of `types` count; of none: nothing does.
    """

    setting: Setting
    depths: Depths
    corrects: bool
    boost: float
    types: Types
    reranker: RerankSettings | None
    head: int
    hits: int
    pool: int

    @classmethod
    def of(cls, setting: Setting, settings: LibrarySettings, k: int) -> Self:
        """Return the plan of a search for `k` hits; what `setting` leaves open is as set."""
        reranker = setting.reranking(settings.rerank)
        asked = setting.rerank_k or 0
        head = max(reranker.topn, asked) if reranker else 0
        search = setting.within(settings.search)
        depths = Depths.of(search, k, head)
        hits = asked if reranker and asked else k
        boost = setting.graph_boost or 0.0
        types = (setting.entity_types or ALL_TYPES) if boost else ()
        pool = max(POOL, k, head)
        corrects = search.typo_tolerance
        return cls(setting, depths, corrects, boost, types, reranker, head, hits, pool)

    @property
    def lists(self) -> tuple[Depths, bool, Types, Fusion]:
        """What decides the scores of both sides."""
        return self.depths, self.corrects, self.types, self.setting.fusion

    @property
    def scores(self) -> tuple[float, float, int]:
        """What decides the first scores beyond that, and how many passages lend theirs."""
        return self.setting.alpha, self.boost, self.pool

    @property
    def order(self) -> tuple[object, ...]:
        """A key by which plans that have most in common stand side by side."""
        return *self.lists, *self.scores, self.setting.neighbor_share
