"""One side over the other: what every benchmark here comes to."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Self

from pydantic import BaseModel

from eval.tables import text_table


class Ratio(BaseModel):
    """Ours over theirs, taken in each round: the median, the least and the most of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float], **labels: Any) -> Self:
        """Return it from one figure of each side a round; `labels` are a subclass's own fields."""
        shares = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        return cls(median=median(shares), low=min(shares), high=max(shares), **labels)

    def __str__(self) -> str:
        return f"{self.median:.2f} (rounds: {self.low:.2f} to {self.high:.2f})"


def sides_text(head: str, headers: Sequence[str], sides: Mapping[str, str], *rest: str) -> str:
    """Return a report as plain text: `head`, a table of the `sides`' figures, then `rest`."""
    table = text_table(headers, [[name, figure] for name, figure in sides.items()])
    return "\n\n".join([head, table, *rest])
