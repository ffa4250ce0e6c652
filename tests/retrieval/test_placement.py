"""An order of tiers becomes what Ray's scheduler reads."""

import pytest
from pydantic import ValidationError

from retrieval.placement import TIER_LABEL, TIERS, TierSettings, placement

SELECTOR = "label_selector"


def test_the_first_tier_is_asked_for_and_the_others_are_fallen_back_to() -> None:
    assert placement(["gpu", "cpu"]) == {
        SELECTOR: {TIER_LABEL: "gpu"},
        "fallback_strategy": [{SELECTOR: {TIER_LABEL: "cpu"}}],
    }


def test_one_tier_alone_has_nothing_to_fall_back_to() -> None:
    assert placement(["jetson"]) == {SELECTOR: {TIER_LABEL: "jetson"}}


def test_where_every_tier_will_do_a_machine_without_one_does_last() -> None:
    options = placement([*TIERS])
    assert options["fallback_strategy"][-1] == {SELECTOR: {TIER_LABEL: "!in(gpu,jetson,cpu)"}}


def test_all_work_may_run_on_a_laptop() -> None:
    orders = [order for order in TierSettings().model_dump().values() if isinstance(order, list)]
    assert len(orders) > 2
    assert all("cpu" in order for order in orders)


def test_an_order_may_be_written_with_commas() -> None:
    assert TierSettings(embedder="jetson, cpu").embedder == ["jetson", "cpu"]


@pytest.mark.parametrize("wrong", ["", "gpu,gpu", "tpu", ["gpu", "cloud"]])
def test_a_wrong_order_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TierSettings.model_validate({"embed": wrong})
