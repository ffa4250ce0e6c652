"""Whatever a user can set, call, see or get stands in the documentation."""

from typing import get_args

import pytest
from pydantic import BaseModel

from cluster.cli_reference import commands
from cluster.setting_fields import SettingField, setting_fields
from data_jobs import errors
from data_jobs.parse.registry import PARSERS
from eval.datasets.questions import Question
from eval.datasets.table import COLUMNS as COLUMNS_OF_TABLES
from eval.metrics import LATENCIES
from eval.metrics import METRICS as RANK_METRICS
from eval.metrics.table import Family
from eval.suites.filters import Filter
from eval.suites.spec import Suite, Threshold
from eval.sweep.spec import Rule, Search, SweepSpec
from eval.sweep.values import Grid, IndexGrid
from retrieval.corpus.entities import ENTITIES
from retrieval.corpus.filters import TEXT_FIELDS, TIME_FIELDS
from retrieval.corpus.schema import DOCUMENTS, chunks_schema
from retrieval.graph.dictionary_rows import COLUMNS as DICTIONARY_COLUMNS
from retrieval.query import Condition, SearchRequest, SearchResponse, Source
from retrieval.settings import PREDECESSOR_NAMES
from serve_apps.metric_table import METRICS, Metric
from serve_apps.problems import CATALOGUE, ProblemType
from serve_apps.wire import IngestRequest, JobView, UpsertItem, UpsertOptions, UpsertResponse
from serve_apps.wire_schedules import ScheduleView
from tests.docs.pages import Page, read_page

ERRORS = sorted(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.IngestError)
)
COLUMNS = {*DOCUMENTS.names, *chunks_schema(1).names, *ENTITIES.names}


def missing(page: Page, names: set[str]) -> list[str]:
    """Return those of `names` that the page does not mention as code."""
    return sorted(name for name in names if f"`{name}`" not in page.text)


def fields(*models: type[BaseModel]) -> set[str]:
    return {name for model in models for name in model.model_fields}


@pytest.mark.parametrize("field", setting_fields(), ids=lambda field: field.name)
def test_setting(field: SettingField) -> None:
    _, environment, _, description = read_page("docs/settings.md").row(field.name)
    assert environment == f"`{field.env}`"
    assert description


def test_predecessor_names() -> None:
    assert not missing(read_page("docs/settings.md"), set(PREDECESSOR_NAMES))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric(metric: Metric) -> None:
    _, kind, labels, what = read_page("docs/metrics.md").row(metric.name)
    assert kind == metric.kind
    assert labels == ", ".join(f"`{label}`" for label in metric.labels)
    assert what


def test_no_metric_is_invented() -> None:
    rows = {row[0].strip("`") for row in read_page("docs/metrics.md").rows()}
    named = {name for name in rows if name.startswith("pmoves_")}
    assert named == {metric.name for metric in METRICS}


@pytest.mark.parametrize("problem", CATALOGUE.values(), ids=lambda problem: problem.name)
def test_problem(problem: ProblemType) -> None:
    _, status, meaning, advice = read_page("docs/problems.md").row(problem.uri)
    assert status == str(problem.status)
    assert meaning
    assert advice


def test_no_problem_is_invented() -> None:
    rows = {row[0].strip("`") for row in read_page("docs/problems.md").rows()}
    assert {name for name in rows if name.startswith("urn:")} == set(CATALOGUE)


@pytest.mark.parametrize("error", ERRORS)
def test_ingest_error(error: str) -> None:
    _, meaning, advice = read_page("docs/guide/quarantine.md").row(error)
    assert meaning
    assert advice


def test_query_fields() -> None:
    page = read_page("docs/guide/search.md")
    assert not missing(page, fields(SearchRequest, SearchResponse, Condition))
    assert not missing(page, fields(Source) | {"score", "text", "payload"})


def test_filter_fields() -> None:
    assert not missing(
        read_page("docs/guide/search.md"), {*TEXT_FIELDS, *TIME_FIELDS, "metadata.KEY"}
    )


def test_upsert_fields() -> None:
    answer = read_page("docs/guide/upsert.md").blocks("json")[0]
    assert all(f'"{name}"' in answer for name in UpsertResponse.model_fields)
    assert not missing(read_page("docs/guide/upsert.md"), fields(UpsertItem, UpsertOptions))


def test_job_fields() -> None:
    own = {"job_id", "namespace", "sources"}
    times = {name for name in JobView.model_fields if name.endswith("_at")}
    assert not missing(read_page("docs/guide/ingest.md"), fields(JobView) - own - times)


def test_schedule_fields() -> None:
    times = {"created_at"}
    assert not missing(read_page("docs/guide/backfill.md"), fields(ScheduleView) - times)


def test_ingest_fields() -> None:
    text = read_page("docs/guide/ingest.md").text
    assert all(name in text.replace("-", "_") for name in IngestRequest.model_fields)


@pytest.mark.parametrize("name", PARSERS)
def test_parser(name: str) -> None:
    assert not missing(read_page("docs/guide/formats.md"), set(PARSERS[name].media_types))


def test_corpus_columns() -> None:
    assert not missing(read_page("docs/design.md"), COLUMNS)


@pytest.mark.parametrize("family", RANK_METRICS.values(), ids=lambda family: family.name)
def test_rank_metric(family: Family) -> None:
    names = [family.name] if family.cut != "needed" else []
    names += [f"{family.name}@k"] if family.cut != "none" else []
    rows = read_page("docs/guide/quality.md").rows()
    (row,) = [row for row in rows if row[0] == ", ".join(f"`{name}`" for name in names)]
    assert all(row)


def test_dictionary_columns() -> None:
    assert not missing(read_page("docs/guide/entities.md"), set(DICTIONARY_COLUMNS))


def test_suite_fields() -> None:
    page = read_page("docs/guide/quality.md")
    conditions = {field.alias or name for name, field in Filter.model_fields.items()}
    assert not missing(page, {*conditions, *Threshold.model_fields, *LATENCIES})
    sweeps = {*SweepSpec.model_fields, *Grid.model_fields, *IndexGrid.model_fields}
    named = {*Suite.model_fields, *sweeps}
    assert all(f"{name}:" in page.text for name in named)
    assert not missing(page, {*get_args(Search), *get_args(Rule)})


def test_question_fields() -> None:
    page = read_page("docs/evaluation.md")
    assert not missing(page, fields(Question))
    assert not missing(page, set(COLUMNS_OF_TABLES))


def test_every_command_prints_json_but_those_that_give_a_file() -> None:
    without = {
        command.name
        for command in commands()
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    # The gate prints the event, which is JSON.
    assert without == {"pmoves entities export", "pmoves migrations", "pmoves personas gate"}


def test_commands() -> None:
    assert not missing(read_page("docs/cli.md"), {command.name or "" for command in commands()})
