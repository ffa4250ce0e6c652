"""Specifications: what they expand to, and how their faults are named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cutting import IngestCutter
from eval.errors import EvaluationError
from eval.sweep.plateau import profiles
from eval.sweep.points import ALL_TYPES, DIMENSIONS, Trial
from eval.sweep.searching import searches
from eval.sweep.spec import SweepSpec, load_sweep, with_parts
from eval.sweep.starting import depths, in_force, require_types, type_sets
from eval.sweep.values import Grid, IndexGrid, Steps
from retrieval.depths import Depths
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.settings import LibrarySettings
from tests.eval.sweep.made_up import NOW

SHARES = st.lists(st.integers(0, 100).map(lambda n: n / 100), min_size=1, max_size=4)


def maybe(values: st.SearchStrategy[list[object]]) -> st.SearchStrategy[list[object] | None]:
    return st.none() | values


GRIDS = st.builds(
    Grid,
    fusion=maybe(st.lists(st.sampled_from(["convex", "rrf", "dbsf"]), min_size=1, max_size=3)),
    alpha=maybe(SHARES),  # type: ignore[arg-type]
    neighbor_share=maybe(SHARES),  # type: ignore[arg-type]
    candidates=maybe(st.lists(st.integers(400, 800), min_size=1, max_size=2)),
    lexical_candidates=maybe(st.lists(st.integers(400, 800), min_size=1, max_size=2)),
)
INDEXES = st.builds(
    IndexGrid,
    chunk_size=maybe(st.lists(st.integers(120, 400), min_size=1, max_size=3)),
    chunk_overlap=maybe(st.lists(st.integers(0, 60), min_size=1, max_size=2)),
    query_prefix=maybe(st.lists(st.text(max_size=3), min_size=1, max_size=2)),
)
SPECS = (
    st.tuples(GRIDS, INDEXES)
    .filter(lambda parts: any(part.listed() for part in parts))
    .map(lambda parts: SweepSpec(dataset="x", grid=parts[0], index=parts[1]))
)


@given(SPECS)
def test_a_grid_gives_every_combination_once_and_leaves_the_rest_in_force(spec: SweepSpec) -> None:
    points = spec.points(NOW)
    assert len(points) == len(set(points)) == spec.size
    wanted = {name: set(values) for name, values in spec.dimensions.items()}
    for name in DIMENSIONS:
        tried = {point.parts()[name] for point in points}
        assert tried == wanted.get(name, {NOW.parts()[name]})


@given(SPECS, st.integers(0, 2**32 - 1), st.data())
def test_a_random_search_draws_different_points_of_the_grid(
    spec: SweepSpec, seed: int, data: st.DataObject
) -> None:
    trials = data.draw(st.integers(1, spec.size))
    drawn = spec.model_copy(update={"search": "random", "trials": trials, "seed": seed})
    (search,) = searches(drawn, NOW, 6)
    asked = search.ask()
    assert not search.ask()
    assert asked[0] == NOW
    assert set(asked) - {NOW} <= set(spec.points(NOW))
    assert len(set(asked) | {NOW}) in (trials, trials + 1)
    assert asked == searches(drawn, NOW, 6)[0].ask() == list(search.tried)


@given(SPECS, st.integers(1, 12))
def test_a_bayesian_search_stays_on_the_grid_and_ends(spec: SweepSpec, trials: int) -> None:
    guided = spec.model_copy(update={"search": "bayesian", "trials": trials})
    (search,) = searches(guided, NOW, 1)
    count = 0
    while points := search.ask():
        assert set(points) <= set(spec.points(NOW))
        search.tell({point: point.search.alpha for point in points})
        count += len(points)
    assert count == trials


def test_values_are_taken_in_their_order() -> None:
    grid = Grid(fusion=["rrf", "convex"], alpha=Steps(start=0.1, stop=0.5, step=0.2))
    found = SweepSpec(dataset="x", grid=grid).points(NOW)
    assert [(point.search.fusion, point.search.alpha) for point in found] == [
        (fusion, alpha) for fusion in ("rrf", "convex") for alpha in (0.1, 0.3, 0.5)
    ]
    assert Grid(neighbor_share=[0.4, 0, 0.4]).listed() == {"neighbor_share": [0, 0.4]}
    assert len(Steps(start=0, stop=1, step=0.05).values) == 21


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: [", r"sweep\.yaml is not YAML"),
        ("dataset: x", r"sweep\.yaml: .*nothing to try: list values under grid or index"),
        ("{dataset: x, grid: {alpha: [2]}}", r"sweep\.yaml: grid\.alpha"),
        ("{dataset: x, grid: {alpha: {start: 0.9, stop: 0.1, step: 0.1}}}", "stop is 0.1, below"),
        (
            "{dataset: x, index: {chunk_size: [64, 200], chunk_overlap: [30, 40]}}",
            "chunk_overlap: 40 tokens are more than half of chunk_size = 64",
        ),
        ("{dataset: x, grid: {beta: [0]}}", r"sweep\.yaml: grid\.beta: Extra inputs"),
        ("{dataset: x, grid: {graph_boost: [0.1]}}", "graph_boost: name a dictionary"),
        ("{dataset: x, grid: {entity_types: [A]}}", "entity_types: name a dictionary"),
        (
            "{dataset: x, grid: {entity_types: [[]]}, entities: a.csv}",
            r"entity_types\.0: .* 1 item",
        ),
        ("{dataset: x, grid: {dense_candidates: [9]}}", r"grid\.dense_candidates"),
        (
            "{dataset: x, grid: {lexical_candidates: [50]}, k: 20}",
            r"grid\.lexical_candidates: searches for k = 20 passages fetch 80 from each side",
        ),
        ("{dataset: x, grid: {candidates: [100]}}", "k = 100 passages fetch 400 from each side"),
        ("{dataset: x, index: {chunk_size: [1]}}", r"sweep\.yaml: index\.chunk_size"),
        ("{dataset: x, grid: {alpha: [0]}, metric: gain}", "'gain' is no metric; there are nDCG"),
        ("{dataset: x, grid: {alpha: [0]}, folds: 1}", r"sweep\.yaml: folds"),
        ("{dataset: x, grid: {alpha: [0]}, search: random}", "trials: how many to try"),
        ("{dataset: x, grid: {alpha: [0]}, trials: 3}", "trials: how many to try"),
        ("{dataset: x, grid: {alpha: [0]}, rule: predecessor, metric: MRR}", "judges Recall@5"),
    ],
)
def test_faults_in_sweeps_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(EvaluationError, match=message):
        load_sweep(tmp_path / "sweep.yaml")


def test_too_many_settings_are_refused() -> None:
    fine = Steps(start=0, stop=1, step=0.001)
    spec = SweepSpec(dataset="x", grid=Grid(alpha=fine, neighbor_share=fine))
    with pytest.raises(EvaluationError, match="has 1002001 settings; at most 10000"):
        spec.points(NOW)
    drawn = spec.model_copy(update={"search": "random", "trials": 5})
    assert len(searches(drawn, NOW, 1)[0].ask()) == 6


def test_more_draws_than_combinations_are_refused() -> None:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=[0, 1]), search="random", trials=3)
    with pytest.raises(EvaluationError, match="3 of 2 combinations cannot be drawn"):
        searches(spec, NOW, 1)


def test_the_point_in_force_has_a_value_for_each_part_that_is_varied() -> None:
    grid, index = Grid(candidates=[40, 60]), IndexGrid(chunk_size=[100], model=["/models/m"])
    spec = SweepSpec(dataset="x", grid=grid, index=index, k=10)
    settings = LibrarySettings()
    now = in_force(spec, settings, IngestCutter())
    assert now.search.candidates == settings.search.candidates == 100
    assert depths(spec, settings) == Depths(100, 100, 100)
    assert (now.index.chunk_size, now.index.chunk_overlap) == (200, None)
    assert (now.index.model, now.index.query_prefix) == (settings.embedding.model, None)
    with pytest.raises(EvaluationError, match="no chunker here; run `pmoves sweep`"):
        in_force(spec, settings, None)
    few = SweepSpec(dataset="x", grid=Grid(alpha=[0]), k=100)
    assert in_force(few, settings, None).search.candidates is None
    assert depths(few, settings) == Depths(400, 400, 400)


def test_the_sides_fetch_as_many_as_any_trial_asks_of_them() -> None:
    grid = Grid(dense_candidates=[40, 60], lexical_candidates=[40, 300])
    spec = SweepSpec(dataset="x", grid=grid, k=10)
    settings = LibrarySettings(search={"lexical_candidates": 80})
    now = in_force(spec, settings, None).search
    assert (now.candidates, now.dense_candidates, now.lexical_candidates) == (None, 100, 80)
    assert depths(spec, settings) == Depths(100, 300, 100)


def test_types_of_entities_are_tried_where_a_boost_is() -> None:
    named = {"dataset": "x", "k": 10, "entities": "names.csv"}
    listed = ["all", "ship", ["Tool", "ship", "TOOL"]]
    spec = SweepSpec.model_validate(
        named | {"grid": {"graph_boost": [0, 0.2], "entity_types": listed}}
    )
    assert type_sets(spec) == (ALL_TYPES, ("SHIP",), ("SHIP", "TOOL"))
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    now = in_force(spec, LibrarySettings(), None)
    assert (now.search.graph_boost, now.search.entity_types) == (0.3, ALL_TYPES)
    # Without a boost no type counts, so that these settings are one.
    assert [str(point.search).split(", ", 3)[3] for point in spec.points(now)] == [
        "graph_boost 0",
        "graph_boost 0.2, entity_types all",
        "graph_boost 0.2, entity_types SHIP",
        "graph_boost 0.2, entity_types SHIP/TOOL",
    ]
    guided = spec.model_copy(update={"search": "bayesian", "trials": 4})
    (search,) = searches(guided, now, 1)
    assert set(search.ask()) <= {*spec.points(now)}


def test_types_that_no_entity_has_are_refused() -> None:
    rows = [DictionaryRow(persona_name="Marigold", entity_type="ship")]
    named = {"dataset": "x", "entities": "names.csv"}
    known = SweepSpec.model_validate(named | {"grid": {"entity_types": ["all", "ship"]}})
    require_types(known, rows)
    unknown = SweepSpec.model_validate(named | {"grid": {"entity_types": ["boat"]}})
    with pytest.raises(EvaluationError, match=r"names\.csv names no BOAT; its types are SHIP"):
        require_types(unknown, rows)


def test_the_profile_has_a_value_for_each_set_of_types() -> None:
    search = NOW.search.model_copy(update={"graph_boost": 0.2})
    now = NOW.model_copy(update={"search": search})
    points = [with_parts(now, {"entity_types": types}) for types in (("SHIP",), ALL_TYPES)]
    trials = [Trial(point=point, mean=mean) for point, mean in zip(points, (0.5, 0.6), strict=True)]
    assert profiles(trials) == {"entity_types": {"SHIP": 0.5, "all": 0.6}}
    assert [Trial.model_validate_json(trial.model_dump_json()) for trial in trials] == trials
