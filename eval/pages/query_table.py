"""The table of all queries and their answers, as the data that the page's script reads.

Numbers are rounded and every document is named once, so that the page of a large
run stays small.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from eval.comparison import RunComparison
from eval.journal import StoredHit
from eval.stored import ModeRun, StoredQuery, StoredRun
from retrieval.query import Mode, StageScore

_DIGITS = 4
Cell = float | None
Stage = tuple[float, int | None, float | None]
Shown = tuple[int, float, Stage | None, Stage | None, dict[str, float], str]
"""A hit: document, score, dense and lexical side, boosts, and how both sides were joined."""


@dataclass(frozen=True, slots=True)
class View:
    """One choice of what the table shows: a row of cells for each query, in their order.

    `answers` are the lists of hits that stand beside each other, `change` is the column
    that says by how much a query moved.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    answers: Sequence[int]
    digits: int = 3
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The first hits of every query, under a name; None for a query that was not asked.

    `corrections` has, by the number of a query, the words that were read as others.
    """

    name: str
    hits: Sequence[Sequence[Shown] | None]
    corrections: Mapping[int, Mapping[str, str]]


@dataclass(slots=True)
class QueryTable:
    """Queries with their judgements, documents by number, answers, and the views of them."""

    queries: list[dict[str, object]] = field(default_factory=list)
    documents: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _titles: dict[str, str] = field(default_factory=dict)

    def add_queries(self, queries: Mapping[str, StoredQuery], titles: Mapping[str, str]) -> None:
        """Take in the queries; `titles` are those of documents."""
        self._titles.update(titles)
        for query_id, query in queries.items():
            grades = {self._number(name): grade for name, grade in query.grades.items() if grade}
            self.queries.append(
                {"id": query_id, "text": query.text, "tags": query.tags, "grades": grades}
            )

    def add_answers(self, name: str, found: ModeRun, queries: Iterable[str]) -> int:
        """Take in the hits of one mode; return their number among the answers."""
        asked = list(queries)
        hits = [
            [self._shown(hit) for hit in found.top[query]] if query in found.top else None
            for query in asked
        ]
        read = {
            number: found.corrections[query]
            for number, query in enumerate(asked)
            if query in found.corrections
        }
        self.answers.append(Answers(name, hits, read))
        return len(self.answers) - 1

    def data(self) -> dict[str, object]:
        """Return everything as plain values for JSON."""
        return {
            "queries": self.queries,
            "documents": self.documents,
            "answers": [_plain(item) for item in self.answers],
            "views": [_plain(view) for view in self.views],
        }

    def _number(self, doc_id: str) -> int:
        if doc_id not in self._numbers:
            self._numbers[doc_id] = len(self.documents)
            self.documents.append((doc_id, self._titles.get(doc_id, "")))
        return self._numbers[doc_id]

    def _shown(self, hit: StoredHit) -> Shown:
        why, number = hit.explain, self._number(hit.doc_id)
        if why is None:
            return (number, round(hit.score, _DIGITS), None, None, {}, "")
        boosts = {name: round(value, _DIGITS) for name, value in why.boosts.items()}
        joined = why.fusion if why.alpha is None else f"{why.fusion}, alpha {why.alpha:g}"
        stages = _stage(why.dense), _stage(why.lexical)
        return (number, round(hit.score, _DIGITS), *stages, boosts, joined)


def run_table(run: StoredRun) -> QueryTable:
    """Return the queries of one run: a view for each mode, the hits of all modes together."""
    table, names = QueryTable(), list(run.queries)
    table.add_queries(run.queries, run.titles)
    answers = [table.add_answers(mode, found, names) for mode, found in run.modes.items()]
    for mode, found in run.modes.items():
        timed = bool(found.seconds)
        columns = [*found.values, *(["ms"] if timed else [])]
        rows = [
            [
                *(_rounded(values.get(name)) for values in found.values.values()),
                *([_milliseconds(found.seconds.get(name))] if timed else []),
            ]
            for name in names
        ]
        table.views.append(View(mode, columns, rows, answers))
    return table


def comparison_table(first: StoredRun, second: StoredRun, found: RunComparison) -> QueryTable:
    """Return the queries of two runs: a view for each mode and metric that was compared."""
    table = QueryTable()
    queries = {name: query for name, query in first.queries.items() if name in second.queries}
    table.add_queries(queries, first.titles | second.titles)
    shown: dict[Mode, list[int]] = {}
    for mode in dict.fromkeys(entry.mode for entry in found.differences):
        runs = ("before", first.modes[mode]), ("after", second.modes[mode])
        shown[mode] = [table.add_answers(name, run, queries) for name, run in runs]
    for entry in found.differences:
        before = first.values(entry.mode, entry.metric)
        after = second.values(entry.mode, entry.metric)
        rows = [_change(before.get(name), after.get(name)) for name in queries]
        view = f"{entry.metric}, mode {entry.mode}"
        columns = ["before", "after", "by"]
        table.views.append(View(view, columns, rows, shown[entry.mode], change=2))
    return table


def _change(before: Cell, after: Cell) -> list[Cell]:
    by = None if before is None or after is None else after - before
    return [_rounded(before), _rounded(after), _rounded(by)]


def _plain(item: View | Answers) -> dict[str, object]:
    # `asdict` would copy every number.
    return {entry.name: getattr(item, entry.name) for entry in fields(item)}


def _stage(found: StageScore | None) -> Stage | None:
    if found is None:
        return None
    return round(found.normalized, _DIGITS), found.rank, _rounded(found.score)


def _rounded(value: Cell) -> Cell:
    return None if value is None else round(value, _DIGITS)


def _milliseconds(seconds: Cell) -> Cell:
    return None if seconds is None else round(seconds * 1e3, 1)
