"""Model cards: what a model with its settings can do, measured on what, and where that ends.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019, as far as a run can tell.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel

from eval.report import EvaluationReport, ModeReport
from eval.reproduce import reproduction
from eval.statistics import Estimate
from eval.stored import StoredRun
from eval.tables import text_table
from retrieval.chunk import JsonValue

_UNKNOWN = "unknown"
_MOSTLY = 0.9


class CardCorpus(BaseModel):
    """What it was measured on."""

    name: str
    hash: str
    documents: int
    queries: int


class CardFigure(BaseModel):
    """One figure of one mode; milliseconds where the name ends with `_ms`."""

    mode: str
    metric: str
    value: Estimate


class CardGate(BaseModel):
    """A suite with thresholds, and whether they hold."""

    suite: str
    passed: bool
    thresholds: list[str]


class ModelCard(BaseModel):
    """One run as the card of its model: identity, settings, figures with intervals, limits."""

    title: str
    measured_at: datetime
    model: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    system: str
    code: str
    machine: str
    corpus: CardCorpus
    figures: list[CardFigure]
    gates: list[CardGate]
    limits: list[str]
    commands: list[str]

    def to_markdown(self) -> str:
        """Return the card as Markdown; names that others gave stay text in it."""
        return "\n\n".join(_sections(self))


def card_of(report: EvaluationReport, run: StoredRun) -> ModelCard:
    """Return the card of `run`, whose report is `report`."""
    source = run.provenance
    model = source.description.model
    return ModelCard(
        title=str(model.get("model") or source.label or source.system),
        measured_at=source.created_at,
        model=model,
        settings=dict(_flat(source.description.settings)),
        system=source.system,
        code=source.description.code or _UNKNOWN,
        machine=str(source.machine),
        corpus=CardCorpus(
            name=report.dataset,
            hash=report.dataset_hash,
            documents=report.documents,
            queries=report.queries,
        ),
        figures=[
            CardFigure(mode=entry.mode, metric=name, value=value)
            for entry in report.modes
            for name, value in {**entry.metrics, **entry.latency}.items()
        ],
        gates=[
            CardGate(suite=suite.name, passed=suite.passed, thresholds=list(map(str, suite.checks)))
            for suite in report.suites
            if suite.checks
        ],
        limits=list(_limits(report, run)),
        commands=reproduction(source),
    )


def _limits(report: EvaluationReport, run: StoredRun) -> Iterator[str]:
    """Yield what the figures do not say, as far as the run shows it."""
    model = run.provenance.description.model
    yield (
        f"The figures hold for queries like the {report.queries} of {report.dataset}; about other "
        "subjects, languages and kinds of questions they say nothing."
    )
    if not model:
        yield "The run does not tell which model made its vectors."
    if longest := model.get("max_tokens"):
        yield f"The model reads {longest} tokens of a passage; what is longer is cut off."
    if report.documents_without_text:
        without, every = report.documents_without_text, report.documents
        yield f"{without} of {every} documents have no text and cannot be found."
    for entry in report.modes:
        yield from _limits_of_mode(entry, report.queries)
    if any(entry.latency for entry in report.modes):
        yield "Times are those of the machine that is named here, under the load of that moment."


def _limits_of_mode(entry: ModeReport, queries: int) -> Iterator[str]:
    for name, value in entry.metrics.items():
        if name.startswith("Judged@") and value.mean < _MOSTLY:
            yield (
                f"In mode {entry.mode} {1 - value.mean:.0%} of the first hits were never judged "
                f"and count as wrong ({name} {value.mean:.2f}): the other figures may be too low."
            )
    if entry.degraded:
        yield (
            f"{entry.degraded} of {queries} answers in mode {entry.mode} lacked a stage; "
            "their figures are in the means."
        )


def _flat(values: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _sections(card: ModelCard) -> Iterator[str]:
    yield f"# {_plain(card.title)}"
    corpus = card.corpus
    yield (
        f"Measured on {_plain(corpus.name)} ({corpus.documents} documents, {corpus.queries} "
        f"queries, {corpus.hash[:12]}) at {card.measured_at:%Y-%m-%d %H:%M} UTC, "
        f"{_plain(card.system)}, code {_plain(card.code)}, on {_plain(card.machine)}."
    )
    yield "## Model"
    yield _properties(card.model)
    yield "## Figures"
    yield _figures(card)
    yield "Means over queries with 95 % bootstrap intervals; percentiles for times."
    if card.gates:
        yield "## Thresholds"
        yield "\n".join(f"- {_plain(text)}" for gate in card.gates for text in gate.thresholds)
    yield "## Limits"
    yield "\n".join(f"- {_plain(text)}" for text in card.limits)
    yield "## Settings"
    yield _properties(card.settings)
    if card.commands:
        yield "## Make it again"
        yield "\n".join("    " + line.replace("\n", " ") for line in card.commands)


def _figures(card: ModelCard) -> str:
    rows = [
        [figure.mode, figure.metric.replace("_", " "), str(figure.value)] for figure in card.figures
    ]
    return text_table(["mode", "metric", "value"], rows)


def _properties(values: Mapping[str, JsonValue]) -> str:
    if not values:
        return "Not told."
    rows = [[_plain(name), _plain(str(value))] for name, value in values.items()]
    return text_table(["property", "value"], rows)


def _plain(text: str) -> str:
    """Return `text` on one line, without what Markdown takes for tables or markup."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
