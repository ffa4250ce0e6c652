"""The numbers behind a chart on a slide."""

from pptx.chart.chart import Chart


def chart_rows(chart: Chart) -> list[list[str]]:
    """Return one row for each category, under the names of the series.

    A chart of a kind that python-pptx does not read gives no rows.
    """
    try:
        plot = chart.plots[0]
        series = list(plot.series)
        header = [_title(chart), *(one.name for one in series)]
        columns = [[_number(value) for value in one.values] for one in series]
        categories = [str(category) for category in plot.categories]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return []
    return [header, *([name, *values] for name, *values in zip(categories, *columns, strict=False))]


def _title(chart: Chart) -> str:
    return chart.chart_title.text_frame.text if chart.has_title else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"
