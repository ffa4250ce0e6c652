"""Thresholds as suites: what the harness can judge."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from eval.metrics import METRICS
from eval.suites.filters import Filter
from eval.suites.spec import Collection, Suite, Threshold
from retrieval.query import Mode

WHOLE = "all"
KNOWN_ITEMS: Collection = "known-items"


def limiting_suite(
    name: str,
    thresholds: Mapping[str, Threshold],
    k: int,
    *,
    mode: Mode = "hybrid",
    filters: Sequence[Filter] = (),
) -> Suite:
    """Return the suite called `name` with `thresholds`, their metrics cut at `k` by default.

    Raises `ValueError` for an unknown metric, and for two thresholds of one.
    """
    named = [cut(metric, k) for metric in thresholds]
    if len({metric.lower() for metric in named}) < len(named):
        raise ValueError(f"two thresholds are for one metric: {', '.join(named)}")
    values = {
        "name": name,
        "collection": KNOWN_ITEMS if name == KNOWN_ITEMS else "labelled",
        "mode": mode,
        "filters": list(filters),
        "metrics": [f"nDCG@{k}", "MRR", "hit@1"],
        "thresholds": dict(zip(named, thresholds.values(), strict=True)),
    }
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def cut(metric: str, k: int) -> str:
    """Return the metric's name with the cut `k`, where it needs one and has none, or has `@k`."""
    name, at, given = metric.strip().partition("@")
    family = METRICS.get(name.lower())
    if given.lower() == "k" or (family is not None and family.cut == "needed" and not at):
        return f"{name}@{k}"
    return metric.strip()
