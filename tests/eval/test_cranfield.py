"""The whole pipeline on the Cranfield collection, where it is at hand."""

import asyncio
import os
from pathlib import Path

import pytest

from eval.datasets.load import load_dataset
from eval.evaluate import Evaluation, evaluate
from eval.known_items import known_items
from eval.systems.local import LocalSystem
from retrieval.settings import LibrarySettings

CRANFIELD = Path(
    os.environ.get("PMOVES_TEST_CRANFIELD")
    or Path(__file__).parents[3] / "shared" / "data" / "cranfield"
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not CRANFIELD.is_dir(),
        reason="Cranfield is not in the repository; PMOVES_TEST_CRANFIELD names its folder",
    ),
]


async def evaluate_both(home: Path) -> tuple[Evaluation, Evaluation]:
    """Evaluate the topical queries and known items made from the same documents."""
    dataset = load_dataset(CRANFIELD)
    system = LocalSystem(LibrarySettings(home=home))
    try:
        topical = await evaluate(dataset, system)
        known = await evaluate(known_items(dataset, per_kind=50), system)
    finally:
        await system.close()
    return topical, known


def test_hybrid_beats_its_own_sides(tmp_path: Path) -> None:
    topical, known = asyncio.run(evaluate_both(tmp_path))
    report = topical.report
    print(report.to_text())
    print(known.report.to_text())
    assert report.queries == 225
    assert report.documents_without_text == 2
    assert not any(mode.degraded for mode in report.modes)
    values = {mode.mode: mode.metrics["nDCG@10"].mean for mode in report.modes}
    assert values["hybrid"] >= 0.437
    assert values["hybrid"] >= 1.08 * max(values["dense"], values["lexical"])
    assert report.comparison is not None
    assert report.comparison.p_value < 0.05

    first = {mode.mode: mode.metrics["hit@1"].mean for mode in known.report.modes}
    assert first["hybrid"] >= first["dense"]
    assert first["hybrid"] >= first["lexical"] - 0.03
