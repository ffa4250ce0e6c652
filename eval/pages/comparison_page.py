"""Two runs side by side as a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.comparison import Difference, RunComparison, compare_runs
from eval.pages.charts import Scale, Whisker
from eval.pages.query_table import comparison_table
from eval.pages.setting_rows import setting_rows
from eval.pages.site import Site
from eval.pages.templates import render_page
from eval.stored import StoredRun


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A difference with the shape of its interval; `zero` is where none would stand."""

    found: Difference
    shape: Whisker
    zero: float


def comparison_page(
    first: StoredRun, second: StoredRun, found: RunComparison | None = None, site: Site = Site()
) -> str:
    """Return the page that holds `second` against `first`.

    `found` is their comparison where it was made already. Raises `EvaluationError`
    where they cannot be compared.
    """
    found = found or compare_runs(first, second)
    settings = setting_rows([first, second])
    return render_page(
        "comparison.html",
        first=first,
        second=second,
        found=found,
        rows=_rows(found.differences),
        changed=[row for row in settings if row.differs],
        alike=[row for row in settings if not row.differs],
        data=comparison_table(first, second, found).data(),
        site=site,
    )


def _rows(differences: Sequence[Difference]) -> list[DifferenceRow]:
    scale = Scale.of([entry.difference for entry in differences], also=[0.0])
    zero = scale.place(0)
    return [DifferenceRow(entry, scale.whisker(entry.difference), zero) for entry in differences]
