"""Which kinds of machine each piece of work likes, in order: the whole placement policy.

Plain data in the form that Ray's scheduler reads; nothing here needs Ray.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from retrieval.setting_group import Group

Tier = Literal["gpu", "jetson", "cpu"]
TIERS: tuple[Tier, ...] = get_args(Tier)
NO_TIER = "any"
TIER_LABEL = "pmoves.io/tier"
GPU_CLASS_LABEL = "pmoves.io/gpu-class"
SITE_LABEL = "pmoves.io/site"
# What may stand in the brackets of a place.
FINER = {"class": GPU_CLASS_LABEL, "site": SITE_LABEL}
_PLACE = re.compile(rf"(?P<tier>{'|'.join(TIERS)})(?:\[(?P<finer>[^\[\]]*)\])?")
_VALUE = re.compile(r"!?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_COMMA_OUTSIDE = re.compile(r",(?![^\[]*\])")
_ANY_OF = re.compile(r"(?P<not>!?)in\((?P<values>.*)\)")
Selector = Mapping[str, str]


def selector(place: str) -> dict[str, str]:
    """Return the labels of a place, a tier or a part of one: `gpu[class=h200,site=!attic]`.

    Raises `ValueError`.
    """
    found = _PLACE.fullmatch(place)
    if not found:
        raise ValueError(
            f"{place!r} is no tier ({', '.join(TIERS)}), nor one with [class=…] or [site=…] behind"
        )
    finer = dict(_condition(place, part) for part in (found["finer"] or "").split(",") if part)
    return {TIER_LABEL: found["tier"]} | finer


def _condition(place: str, text: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in text.partition("="))
    if name not in FINER or not _VALUE.fullmatch(value):
        raise ValueError(
            f"{place!r}: {text.strip()!r} is none of {', '.join(f'{one}=LABEL' for one in FINER)}; "
            "`pmoves status --json` shows the labels"
        )
    return FINER[name], value


def _split(value: object) -> object:
    """Let an order be written with commas; those in brackets divide a place's conditions."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in _COMMA_OUTSIDE.split(value) if part.strip()]


def _reachable(order: list[str]) -> list[str]:
    before: list[dict[str, str]] = []
    for place in order:
        wanted = selector(place)
        if any(one.items() <= wanted.items() for one in before):
            raise ValueError(f"{place} stands behind what takes all of it: {', '.join(order)}")
        before.append(wanted)
    return order


Order = Annotated[
    list[str], BeforeValidator(_split), Field(min_length=1), AfterValidator(_reachable)
]


class TierSettings(Group):
    """The tiers that each piece of work may run on, the one it likes best first.

    A tier may be narrowed by labels of its nodes: `gpu[class=h200],gpu[site=attic],cpu`.
    """

    gateway: Order = Field(["cpu", "gpu", "jetson"], description="Where gateways run.")
    embedder: Order = Field(
        ["gpu", "jetson", "cpu"],
        description="Where passages are embedded, and questions that gateways do not embed.",
    )
    reranker: Order = Field(["gpu", "jetson", "cpu"], description="Where passages are reranked.")
    shard: Order = Field(
        ["cpu", "gpu", "jetson"], description="Where shards of the dense index are searched."
    )
    ingestor: Order = Field(["cpu", "gpu", "jetson"], description="Where small jobs run.")
    list: Order = Field(["cpu", "gpu", "jetson"], description="Where jobs list files.")
    read: Order = Field(["cpu", "gpu", "jetson"], description="Where jobs fingerprint files.")
    parse: Order = Field(["cpu", "gpu", "jetson"], description="Where jobs parse.")
    transcribe: Order = Field(
        ["gpu", "jetson", "cpu"], description="Where jobs listen to recordings."
    )
    chunk: Order = Field(["cpu", "gpu", "jetson"], description="Where jobs cut passages.")
    embed: Order = Field(["gpu", "jetson", "cpu"], description="Where jobs embed.")
    commit: Order = Field(["cpu", "gpu", "jetson"], description="Where jobs write the corpus.")
    return_s: int = Field(
        300,
        ge=0,
        le=86_400,
        description="Seconds that a better node must have been there before "
        "`pmoves tiers --move-back` moves deployments to it.",
    )


def placement(order: Sequence[str]) -> dict[str, Any]:
    """Return Ray's options for work that likes the places of `order`, the first best."""
    first, *others = selectors(order)
    options: dict[str, Any] = {"label_selector": first}
    if others:
        options["fallback_strategy"] = [{"label_selector": other} for other in others]
    return options


def selectors(order: Sequence[str]) -> list[dict[str, str]]:
    """Return the labels of each place of `order`.

    Where every tier will do, a machine without the label does as well, last of all.
    """
    found = [selector(place) for place in order]
    if set(TIERS) <= set(order):
        found.append({TIER_LABEL: "!in(" + ",".join(TIERS) + ")"})
    return found


def tier_of(place: str) -> Tier:
    """Return the tier of a place."""
    return next(tier for tier in TIERS if tier == place.partition("[")[0])


def place_of(labels: Mapping[str, str], wanted: Sequence[Selector]) -> str:
    """Return the place that a node with `labels` is, as finely as `wanted` tells places apart."""
    asked = {name for one in wanted for name in one}
    finer = [
        f"{short}={labels[name]}"
        for short, name in FINER.items()
        if name in asked and name in labels
    ]
    return labels.get(TIER_LABEL, NO_TIER) + (f"[{','.join(finer)}]" if finer else "")


def answers(labels: Mapping[str, str], wanted: Selector) -> bool:
    """Return whether a node with `labels` is what a selector wants, by Ray's rules."""
    return all(_matches(labels.get(name), value) for name, value in wanted.items())


def _matches(label: str | None, value: str) -> bool:
    several = _ANY_OF.fullmatch(value)
    if several:
        inside = label in [one.strip() for one in several["values"].split(",")]
        return inside != bool(several["not"])
    return label != value[1:] if value.startswith("!") else label == value
