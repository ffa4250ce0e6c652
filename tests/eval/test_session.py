"""One call of `pmoves evaluate`, around systems whose answers are known."""

import json
import random
from pathlib import Path

import pytest

from eval.baseline import Baseline, baseline_of
from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import EvaluationError
from eval.evaluate import Options
from eval.session import Plan, Session
from eval.stored import load_run
from eval.suites.spec import Suite
from retrieval.query import SearchRequest, SearchResponse
from tests.eval.scripted import ScriptedSystem

NUMBERS = range(24)
DATASET = Dataset(
    "many",
    tuple(
        DatasetDocument(f"d{n}", f"Word{n} alpha beta gamma delta epsilon eta.", f"Title {n}")
        for n in NUMBERS
    ),
    {f"q{n}": f"query {n}" for n in NUMBERS},
    {f"q{n}": {f"d{n}": 1} for n in NUMBERS},
    records={f"q{n}": {"tags": ["low" if n < 12 else "high"]} for n in NUMBERS},
)


class RankingSystem(ScriptedSystem):
    """Puts the right document at a rank drawn by `ranks`, else at the first."""

    def __init__(self, ranks: "random.Random | None" = None, most: int = 1) -> None:
        super().__init__({})
        self._ranks = ranks
        self._most = most

    async def search(self, request: SearchRequest) -> SearchResponse:
        rank = self._ranks.randint(1, self._most) if self._ranks else 1
        right = f"d{_number(request.query)}"
        others = [f"d{n}" for n in NUMBERS if f"d{n}" != right]
        self.answers = {(request.query, request.mode): [*others[: rank - 1], right]}
        return await super().search(request)


def _number(query: str) -> int:
    digits = "".join(character for character in query.split(" alpha")[0] if character.isdigit())
    return int(digits or 0)


async def session(system: ScriptedSystem, **fields: object) -> Session:
    """Run a session in hybrid mode, `fields` being those of its plan."""
    plan = Plan(Options(modes=["hybrid"]), **fields)  # type: ignore[arg-type]
    return await Session.run(DATASET, system, plan, lambda _stage, _done, _total: None)


async def baseline() -> Baseline:
    return baseline_of((await session(RankingSystem())).runs, tolerance=0.01)


async def test_tags_become_suites() -> None:
    found = await session(RankingSystem())
    assert [suite.name for suite in found.reports[0].suites] == ["all", "low", "high"]
    assert found.passed
    assert not found.moved


async def test_known_items_stand_beside_the_labelled_queries() -> None:
    found = await session(RankingSystem(), known_items=150)
    labelled, known = found.reports
    assert (labelled.dataset, known.dataset) == ("many", "many-known-items")
    assert labelled.namespace == known.namespace
    names = [suite.name for suite in known.suites]
    assert names[0] == "known-items"
    assert "known-items: title" in names


async def test_a_worse_system_is_refused_and_says_which_queries_moved() -> None:
    worse = await session(RankingSystem(random.Random(1), most=9), baseline=await baseline())
    assert not worse.passed
    failed = {check.suite for suite in worse.reports[0].suites for check in suite.failures}
    assert failed == {"all", "low", "high"}
    (text,) = worse.moved
    assert text.startswith("many: Queries that moved most in nDCG@10, mode hybrid:")
    assert "before 1. d" in text
    assert "after 1. d" in text


async def test_what_moved_is_told_where_a_suite_failed() -> None:
    suites = [Suite.model_validate({"name": "mine", "thresholds": {"MRR": {"min": 0.99}}})]
    system = RankingSystem(random.Random(1), most=9)
    before = baseline_of((await session(RankingSystem(), suites=suites)).runs, tolerance=0.01)
    worse = await session(system, suites=suites, baseline=before)
    (text,) = worse.moved
    assert text.startswith("many: Queries that moved most in MRR, mode hybrid:")


async def test_metrics_that_the_baseline_lacks_are_passed_over() -> None:
    plan = Plan(
        Options(modes=["hybrid"], metrics=["bpref", "nDCG@10"]),
        suites=[Suite.model_validate({"name": "mine", "thresholds": {"nDCG@10": {"min": 0.1}}})],
        baseline=await baseline(),
    )
    found = await Session.run(DATASET, RankingSystem(), plan, lambda *_: None)
    assert found.moved == ["many: No query moved in nDCG@10, mode hybrid."]


async def test_noise_is_not_refused() -> None:
    before = await session(RankingSystem(random.Random(0), most=4))
    accepted = baseline_of(before.runs, tolerance=0.0)
    refused = 0
    for seed in range(1, 21):
        again = await session(RankingSystem(random.Random(seed), most=4), baseline=accepted)
        refused += not again.passed
    # Another draw from the same distribution: 5 % may be refused in the long run.
    assert refused <= 3


async def test_the_same_answers_are_never_refused() -> None:
    accepted = await baseline()
    for _ in range(10):
        again = await session(RankingSystem(), baseline=accepted)
        assert again.passed
        assert again.moved == ["many: No query moved in nDCG@10, mode hybrid."]


def suite(**fields: object) -> list[Suite]:
    return [Suite.model_validate({"name": "mine", **fields})]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "dense"}, "looks at mode dense, which is not asked; add --mode dense"),
        ({"collection": "known-items"}, "'mine' needs --known-items"),
        ({"filters": [{"field": "tags", "contains_any": ["sea"]}]}, "matches no judged query"),
    ],
)
async def test_what_cannot_be_judged_is_said_before_anything_is_asked(
    fields: dict[str, object], message: str
) -> None:
    system = RankingSystem()
    with pytest.raises(EvaluationError, match=message):
        await session(system, suites=suite(**fields))
    assert not system.requests
    assert not system.chunks


async def test_metrics_of_suites_are_measured_besides() -> None:
    wanted = suite(thresholds={"map": {"min": 0.9}, "p99_ms": {"max": 60_000}})
    found = await session(RankingSystem(), suites=wanted)
    assert "MAP" in found.reports[0].modes[0].metrics
    assert found.passed


async def test_a_first_baseline_needs_none() -> None:
    wanted = suite(thresholds={"MRR": {"max_regression": 0.01}})
    with pytest.raises(EvaluationError, match="give --baseline"):
        await session(RankingSystem(), suites=wanted)
    found = await session(RankingSystem(), suites=wanted, makes_baseline=True)
    again = await session(
        RankingSystem(), suites=wanted, baseline=baseline_of(found.runs, tolerance=0.01)
    )
    assert again.passed


async def test_everything_is_saved(tmp_path: Path) -> None:
    options = Options(modes=["hybrid"], journals=tmp_path / "unfinished", label="first")
    found = await Session.run(
        DATASET, RankingSystem(), Plan(options), lambda _stage, _done, _total: None
    )
    found.save(tmp_path / "out")
    folder = tmp_path / "out" / "many"
    names = {"report.json", "report.html", "run.json", "hybrid.run", "answers.jsonl"}
    assert {path.name for path in folder.iterdir()} == names
    assert load_run(folder) == found.runs["labelled"]
    assert len((folder / "answers.jsonl").read_text().splitlines()) == 1 + 24
    assert json.loads((folder / "report.json").read_text())["label"] == "first"
    assert not list((tmp_path / "unfinished").iterdir())


async def test_a_run_file_is_judged_like_a_run_of_our_own(tmp_path: Path) -> None:
    found = await session(RankingSystem())
    found.save(tmp_path)
    accepted = baseline_of(found.runs, tolerance=0.01)
    plan = Plan(Options(), baseline=accepted)
    again = Session.of_run(DATASET, tmp_path / "many" / "hybrid.run", plan)
    assert again.passed
    assert again.reports[0].modes[0].metrics == found.reports[0].modes[0].metrics
    (tmp_path / "bad.run").write_text("".join(f"q{n} Q0 d{n + 1} 1 1 t\n" for n in NUMBERS))
    assert not Session.of_run(DATASET, tmp_path / "bad.run", plan).passed
    with pytest.raises(EvaluationError, match="no answers to known items"):
        Session.of_run(DATASET, tmp_path / "bad.run", Plan(Options(), known_items=150))
