"""How much passages owe to the entities that they mention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.graph.mentioned import LinkedEntity, Mentioned, specificity

_ROWS = st.sets(st.integers(0, 20), min_size=1, max_size=10)
_ENTITIES = st.lists(_ROWS, min_size=1, max_size=4)


def mentioned(*rows: set[int], total: int = 30) -> Mentioned:
    """Return entities named by their position, each mentioned by its `rows`."""
    entities = [
        LinkedEntity(str(at), specificity(len(found), total), np.array(sorted(found), np.int64))
        for at, found in enumerate(rows)
    ]
    return Mentioned(tuple(sorted(entities, key=lambda entity: len(entity.rows))))


@given(_ENTITIES, _ROWS)
def test_who_mentions_what_is_found_and_weighed(rows: list[set[int]], asked: set[int]) -> None:
    found = mentioned(*rows).among(asked)
    expected = {
        row: {str(at) for at, mentioning in enumerate(rows) if row in mentioning}
        for row in asked & set[int]().union(*rows)
    }
    assert {row: set(found.names(row)) for row in asked if found.names(row)} == expected
    assert not any(found.names(row) for row in range(21) if row not in asked)
    assert found.weights.keys() == expected.keys()
    assert all(0 < weight <= 1 for weight in found.weights.values())
    for row, names in expected.items():
        for other, fewer in expected.items():
            if fewer < names:
                assert found.weights[other] < found.weights[row]


@given(_ENTITIES)
def test_all_that_mention_are_recalled(rows: list[set[int]]) -> None:
    assert set(mentioned(*rows).recalled().tolist()) == set[int]().union(*rows)


def test_a_common_entity_recalls_nothing_and_weighs_little() -> None:
    found = mentioned(set(range(5_000)), {7, 8}, total=6_000)
    assert found.recalled().tolist() == [7, 8]
    rare, common = found.weights(np.array([7, 9]))
    assert common < 0.1 * rare


def test_specificity_goes_from_one_to_nearly_nothing() -> None:
    values = [specificity(rows, 1_000) for rows in (1, 10, 100, 1_000)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.1, abs=0.01)
    assert specificity(5, 3) > 0
