"""What a query is found to name, against the plain formulas over sets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.entity import Entity
from retrieval.graph.dictionaries import dictionaries_of
from retrieval.graph.mentioned import LinkedEntity, Mentioned, RelatedEntity
from retrieval.graph.mentions import Postings
from retrieval.graph.neighbors import Stated, neighbors_of
from retrieval.graph.snapshot import Asked, GraphSnapshot

_TREES = ("ash", "elm", "oak", "fir", "yew", "box", "bay", "fig", "lime", "pear", "plum", "sloe")
_ENTITIES = [
    Entity("ns", name, name, ("PERSON", "GROUP")[at % 2]) for at, name in enumerate(_TREES)
]
_KNOWN = dictionaries_of(_ENTITIES)
_TOTAL = 40
_NUMBERS = st.integers(0, len(_TREES) - 1)


@dataclass(frozen=True)
class Case:
    """Who mentions whom, what is said of them, and a query."""

    rows: Mapping[int, set[int]]
    stated: Sequence[tuple[int, int, float]]
    query: Sequence[int]
    noun: str
    neighbors: bool

    def found(self, fragments: int) -> Mentioned | None:
        """Ask the graph, with the rows dealt to `fragments` in stretches, the last one first."""
        said = [
            Stated("ns", _TREES[one], "PART_OF", _TREES[other], sure, 1)
            for one, other, sure in self.stated
        ]
        around = neighbors_of(said, _KNOWN.linkers)
        keys = [f"{key}" for key in reversed(range(fragments))]
        postings = {key: self._postings(int(key), fragments) for key in keys}
        graph = GraphSnapshot(_ENTITIES, _KNOWN.linkers, postings, around)
        query = f"the {self.noun} of " + " and ".join(_TREES[at] for at in self.query)
        return graph.find(Asked(query, ("ns",), keys, _TOTAL, neighbors=self.neighbors))

    def _postings(self, key: int, fragments: int) -> Postings:
        pairs = sorted(
            (number, row)
            for number, rows in self.rows.items()
            for row in rows
            if row * fragments // _TOTAL == key
        )
        table = np.array(pairs, np.int64).reshape(-1, 2)
        return Postings(table[:, 0], table[:, 1], 0)

    def specificity(self, number: int) -> float:
        rows = len(self.rows[number])
        return math.log1p(_TOTAL / rows) / math.log1p(_TOTAL)

    def owed(self) -> dict[int, float]:
        """Return the strength of each neighbor that passages mention."""
        surest: dict[int, float] = {}
        for pair in self.stated:
            for one, other in (pair[:2], pair[1::-1]):
                if one in self.query and other not in self.query:
                    surest[other] = max(surest.get(other, 0.0), pair[2])
        asked = {"singer": "PERSON", "band": "GROUP"}.get(self.noun)
        return {
            at: 1.0 if _ENTITIES[at].type == asked else self.specificity(at) * sure
            for at, sure in surest.items()
            if self.rows.get(at)
        }


_CASES = st.builds(
    Case,
    st.dictionaries(_NUMBERS, st.sets(st.integers(0, _TOTAL - 1), min_size=1, max_size=12)),
    st.lists(st.tuples(_NUMBERS, _NUMBERS, st.sampled_from([0.2, 0.5, 0.9])), max_size=20),
    st.lists(_NUMBERS, max_size=10, unique=True),
    st.sampled_from(["singer", "band", "shade"]),
    st.booleans(),
)


@given(_CASES, st.integers(1, 4))
def test_who_is_named_and_who_is_near_follow_the_plain_formulas(case: Case, fragments: int) -> None:
    found = case.found(fragments)
    named = sorted(set(case.query) & case.rows.keys(), key=lambda at: (len(case.rows[at]), at))[:8]
    owed = case.owed() if case.neighbors else {}
    near = sorted(owed, key=lambda at: (-owed[at], _TREES[at]))[: 8 - len(named)]
    if not named and not near:
        assert found is None
        return
    assert found is not None
    assert [(each.name, each.specificity, set(each.rows.tolist())) for each in found.entities] == [
        (_TREES[at], case.specificity(at), case.rows[at]) for at in named
    ]
    assert [(each.name, each.strength, each.rows.tolist()) for each in found.related] == [
        (_TREES[at], owed[at], sorted(case.rows[at])) for at in near
    ]


@given(_CASES, st.sets(st.integers(0, _TOTAL - 1)))
def test_passages_owe_what_the_plain_formulas_say(case: Case, rows: set[int]) -> None:
    if (found := case.found(2)) is None:
        return
    mentions, total = found.among(rows), sum(each.specificity for each in found.entities)
    everybody: list[LinkedEntity | RelatedEntity] = [*found.entities, *found.related]
    for row in rows:
        named = [each for each in found.entities if row in each.rows]
        near = [each for each in found.related if row in each.rows]
        assert math.isclose(
            mentions.weights.get(row, 0.0),
            sum(each.specificity**2 for each in named) / (total or 1),
        )
        assert mentions.related.get(row, 0.0) == max((each.strength for each in near), default=0.0)
        assert mentions.names(row) == [each.name for each in everybody if row in each.rows]
        assert mentions.ties(row) == [
            each.tie for each in everybody if isinstance(each, RelatedEntity) and row in each.rows
        ]
    recalled = {row for each in everybody for row in each.rows.tolist()}
    assert found.recalled().tolist() == sorted(recalled)
