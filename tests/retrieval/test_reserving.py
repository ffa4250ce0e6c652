"""What is reserved beside CPUs and GPUs becomes Ray's options, and is told to people."""

import pytest
from pydantic import ValidationError

from retrieval.placement import TierSettings
from retrieval.reserving import ReserveSettings, amounts_of, reserved, resources_of, told
from retrieval.settings import LibrarySettings

GIB = 2**30


def test_nothing_is_reserved_unless_it_is_asked_for() -> None:
    assert not any(ReserveSettings().model_dump().values())
    assert reserved({}) == {}


def test_whatever_has_tiers_may_reserve() -> None:
    assert [*ReserveSettings.model_fields, "return_s"] == [*TierSettings.model_fields]


@pytest.mark.parametrize(
    ("written", "amounts"),
    [
        ("", {}),
        ("memory=4GiB, rerank_slots=1", {"memory": 4 * GIB, "rerank_slots": 1}),
        ({"memory": "512 MiB"}, {"memory": GIB / 2}),
        ({"memory": GIB, "licences": 0.5}, {"memory": GIB, "licences": 0.5}),
    ],
)
def test_amounts_may_be_written_with_commas(written: object, amounts: dict[str, float]) -> None:
    assert ReserveSettings.model_validate({"reranker": written}).reranker == amounts


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("rerank_slots", "'rerank_slots' is no NAME=AMOUNT"),
        ("slots=many", "valid number"),
        ("slots=0", "greater than"),
        ("slots=inf", "finite"),
        ("memory=4 potatoes", "byte unit"),
        ("CPU=1", "CPU is no amount of your own"),
        ("object_store_memory=1", "is no amount of your own"),
        ("a b=1", "'a b' is no name"),
    ],
)
def test_wrong_amounts_are_refused(wrong: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ReserveSettings.model_validate({"embed": wrong})
    with pytest.raises(ValueError, match=said):
        resources_of(wrong)


def test_the_environment_reserves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_RESERVE__RERANKER", "memory=2GiB,rerank_slots=1")
    options = LibrarySettings().placed("reranker")
    assert options["memory"] == 2 * GIB
    assert options["resources"] == {"rerank_slots": 1}
    assert options["label_selector"] == LibrarySettings().placed("embedder")["label_selector"]


def test_options_are_read_back_by_the_names_of_a_node() -> None:
    options = {"num_cpus": 0.5, "num_gpus": 0, **reserved({"memory": 8.0, "slots": 2.0})}
    assert amounts_of(options) == {"CPU": 0.5, "memory": 8, "slots": 2}
    assert amounts_of({"num_cpus": 1, "memory": None, "resources": None}) == {"CPU": 1}


def test_amounts_are_told_to_people() -> None:
    found = {"CPU": 0.5, "GPU": 1.0, "memory": 4.0 * GIB, "rerank_slots": 1.0}
    assert told(found) == ["0.5 CPUs", "1 GPUs", "4.0 GiB", "1 rerank_slots"]
