"""Which kinds of machine each piece of work likes, in order: the whole placement policy.

Plain data in the form that Ray's scheduler reads; nothing here needs Ray.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from retrieval.setting_group import Group, split

Tier = Literal["gpu", "jetson", "cpu"]
TIERS: tuple[Tier, ...] = get_args(Tier)
TIER_LABEL = "pmoves.io/tier"


def _distinct(order: list[Tier]) -> list[Tier]:
    if len(set(order)) != len(order):
        raise ValueError(f"names a tier twice: {', '.join(order)}")
    return order


Order = Annotated[
    list[Tier], BeforeValidator(split), Field(min_length=1), AfterValidator(_distinct)
]


class TierSettings(Group):
    """The tiers that each piece of work may run on, the one it likes best first."""

    gateway: Order = Field(["cpu", "gpu", "jetson"], description="Where gateways run.")
    embedder: Order = Field(["gpu", "jetson", "cpu"], description="Where questions are embedded.")
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


def placement(order: list[Tier]) -> dict[str, Any]:
    """Return Ray's options for work that likes the tiers of `order`, the first best.

    Where every tier will do, a machine without the label does as well, last of all.
    """
    selectors: list[dict[str, str]] = [{TIER_LABEL: tier} for tier in order]
    if len(order) == len(TIERS):
        selectors.append({TIER_LABEL: "!in(" + ",".join(TIERS) + ")"})
    first, *others = selectors
    options: dict[str, Any] = {"label_selector": first}
    if others:
        options["fallback_strategy"] = [{"label_selector": selector} for selector in others]
    return options
