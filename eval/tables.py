"""Tables in plain text, the same in a terminal, a log and a README."""

from collections.abc import Sequence


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, the first to the left, others right."""
    widths = [max(len(row[at]) for row in [headers, *rows]) for at in range(len(headers))]
    rule = [
        ("-" * width if at == 0 else "-" * (width - 1) + ":") for at, width in enumerate(widths)
    ]
    return "\n".join(_line(row, widths) for row in [headers, rule, *rows])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "| " + " | ".join([first, *rest]) + " |"
