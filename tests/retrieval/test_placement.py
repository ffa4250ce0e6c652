"""An order of tiers becomes what Ray's scheduler reads."""

import pytest
from pydantic import ValidationError

from retrieval.placement import (
    GPU_CLASS_LABEL,
    SITE_LABEL,
    TIER_LABEL,
    TIERS,
    TierSettings,
    answers,
    place_of,
    placement,
    selectors,
    tier_of,
)
from retrieval.settings import LibrarySettings

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


def test_a_tier_may_be_narrowed_by_labels() -> None:
    order = TierSettings.model_validate({"embed": "gpu[class=h200, site=!attic], gpu,cpu"}).embed
    first, *others = selectors(order)
    assert first == {TIER_LABEL: "gpu", GPU_CLASS_LABEL: "h200", SITE_LABEL: "!attic"}
    assert others == [{TIER_LABEL: "gpu"}, {TIER_LABEL: "cpu"}]
    assert [tier_of(place) for place in order] == ["gpu", "gpu", "cpu"]


def test_all_tiers_narrowed_are_not_every_machine() -> None:
    narrowed = [f"{tier}[site=attic]" for tier in TIERS]
    assert len(selectors(narrowed)) == 3
    assert len(selectors([*narrowed, *TIERS])) == 7


def test_the_environment_narrows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_TIERS__EMBEDDER", "gpu[class=h200],cpu")
    assert LibrarySettings().tiers.embedder == ["gpu[class=h200]", "cpu"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "at least 1"),
        ("gpu,gpu", "gpu stands behind"),
        ("gpu,gpu[class=h200]", r"gpu\[class=h200\] stands behind"),
        ("tpu", "'tpu' is no tier"),
        (["gpu", "cloud"], "'cloud' is no tier"),
        ("gpu[class=h200", "is no tier"),
        ("gpu[colour=red]", "'colour=red' is none of class=LABEL, site=LABEL"),
        ("gpu[class=]", "'class=' is none"),
        ("gpu[class=an h200]", "'class=an h200' is none"),
    ],
)
def test_a_wrong_order_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TierSettings.model_validate({"embed": wrong})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("h200", [True, False, False]),
        ("!h200", [False, True, True]),
        ("in(h200,t4)", [True, True, False]),
        ("!in(h200, t4)", [False, False, True]),
    ],
)
def test_labels_answer_as_in_ray(wanted: str, found: list[bool]) -> None:
    nodes = [{GPU_CLASS_LABEL: "h200"}, {GPU_CLASS_LABEL: "t4"}, {TIER_LABEL: "gpu"}]
    assert [answers(labels, {GPU_CLASS_LABEL: wanted}) for labels in nodes] == found


def test_a_place_is_told_as_finely_as_is_asked() -> None:
    labels = {TIER_LABEL: "gpu", GPU_CLASS_LABEL: "t4", SITE_LABEL: "attic"}
    assert place_of(labels, selectors(["gpu[class=h200]", "cpu"])) == "gpu[class=t4]"
    assert place_of(labels, selectors(["gpu"])) == "gpu"
    assert place_of({}, []) == "any"
