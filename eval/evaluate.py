"""How well a system ranks a labelled collection, with and without each of its sides."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten

from eval.asking import Asker, Place, index_dataset, passages_hash, refuse_foreign
from eval.bench.machine import this_machine
from eval.datasets.base import Dataset
from eval.datasets.fetching import local_copy
from eval.errors import EvaluationError
from eval.journal import Journal, StoredAnswer, StoredHit
from eval.measuring import mode_run, parse_metrics, standard_metrics
from eval.progress import Progress
from eval.provenance import Provenance, SystemDescription, code_version, retrieval_code
from eval.report import EvaluationReport, report_of
from eval.runs import Run, Scored, in_column, read_run
from eval.stored import ModeRun, StoredQuery, StoredRun
from eval.systems.base import SearchSystem, description_of
from retrieval.ids import content_hash
from retrieval.query import Mode

_PACKAGES = ("numpy", "faiss-cpu", "pylance", "ctranslate2", "torch", "sentence-transformers")
_TITLE = 120


@dataclass(frozen=True, slots=True)
class Options:
    """What to ask and how.

    `depth` is how many hits are fetched; the `k` best are kept in the run. Without
    `metrics` the usual ones are taken at `k` and `depth`. Without `namespace`, one
    is used that belongs to the documents. `journals` is a folder in which an
    evaluation that was interrupted is found again, `command` what was called.
    """

    modes: Sequence[Mode] = ("hybrid", "dense", "lexical")
    k: int = 10
    depth: int = 100
    concurrency: int = 8
    namespace: str | None = None
    metrics: Sequence[str] = ()
    label: str = ""
    explain: bool = False
    journals: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The report, the run with every value, and the answers by mode.

    `journal` is what holds the answers, where they were kept.
    """

    report: EvaluationReport
    run: StoredRun
    runs: Mapping[Mode, Run] = field(default_factory=dict)
    journal: Journal | None = None


async def evaluate(
    dataset: Dataset,
    system: SearchSystem,
    options: Options | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Evaluation:
    """Index `dataset` in a namespace of its own, ask every query in every mode, measure.

    A collection without documents is asked in the namespaces that its queries name.
    Raises `EvaluationError` where nothing is judged or nothing at all is found, a metric is
    unknown, or the namespace holds documents of somebody else.
    """
    options = options or Options()
    depth = max(options.depth, options.k)
    parse_metrics(options.metrics)
    if not dataset.judged_queries:
        raise EvaluationError(f"{dataset.name} has no query with a relevant document")
    description = await description_of(system)
    start = time.perf_counter()
    place = await _prepared(system, dataset, options, depth, progress)
    seconds = time.perf_counter() - start
    journal = _journal(dataset, system.name, description, place, options)
    if journal is not None and len(journal):
        progress("answered before", len(journal), len(options.modes) * len(dataset.judged_queries))
    try:
        asker = Asker(system, dataset, place, journal)
        asked = {mode: await asker.ask_all(mode, progress) for mode in options.modes}
    except BaseException:
        if journal is not None:
            journal.close()
        raise
    _require_hits(dataset, system, asked, journal)
    if journal is not None:
        journal.close(hold=True)
    provenance = _provenance(dataset, system.name, description, place, options)
    run = _stored(dataset, asked, provenance, options)
    report = report_of(run, dataset, k=options.k, index_seconds=seconds)
    return Evaluation(report, run, _runs(asked), journal)


def _require_hits(
    dataset: Dataset,
    system: SearchSystem,
    asked: Mapping[Mode, Sequence[StoredAnswer]],
    journal: Journal | None,
) -> None:
    """Raise `EvaluationError` where a collection was asked in a place that holds nothing of it."""
    if dataset.documents or any(answer.hits for found in asked.values() for answer in found):
        return
    if journal is not None:
        journal.discard()
    raise EvaluationError(
        f"no query of {dataset.name} found anything {system.name}; it has no documents, so ask "
        "where they are: see --against and --namespace"
    )


def measure_run(dataset: Dataset, file: Path | str, options: Options) -> Evaluation:
    """Measure the answers in a TREC run file, as mode hybrid; nothing is indexed or asked.

    `file` may be an address that fsspec knows. Queries that it leaves out have an empty
    answer. Raises `EvaluationError` for a file that cannot be read, or that answers no
    judged query at all.
    """
    answers = _from_file(dataset, file)
    place = Place("", None, max((len(answer.hits) for answer in answers), default=0))
    provenance = _provenance(dataset, str(file), SystemDescription(), place, options)
    run = _stored(dataset, {"hybrid": answers}, provenance, options)
    run.modes["hybrid"].seconds.clear()
    report = report_of(run, dataset, k=options.k, index_seconds=0)
    return Evaluation(report, run, _runs({"hybrid": answers}))


def _from_file(dataset: Dataset, file: Path | str) -> list[StoredAnswer]:
    try:
        with local_copy(str(file)) as local:
            found = _as_written(dataset, read_run(local))
    except OSError as error:
        raise EvaluationError(f"{file} cannot be read: {error.strerror}") from error
    if not found.keys() & dataset.judged_queries.keys():
        raise EvaluationError(f"{file} answers no judged query of {dataset.name}; compare the ids")
    return [
        StoredAnswer(
            mode="hybrid",
            query_id=query_id,
            seconds=0,
            hits=[StoredHit(doc_id=hit.doc_id, score=hit.score) for hit in found.get(query_id, [])],
        )
        for query_id in dataset.judged_queries
    ]


def _as_written(dataset: Dataset, found: Run) -> dict[str, list[Scored]]:
    """Return `found` with the ids of `dataset` that have white space, which run files spell out."""
    judged = [*dataset.qrels, *(name for grades in dataset.qrels.values() for name in grades)]
    names = {in_column(name): name for name in judged if in_column(name) != name}
    return {
        names.get(query_id, query_id): [
            Scored(names.get(hit.doc_id, hit.doc_id), hit.score) for hit in hits
        ]
        for query_id, hits in found.items()
    }


def _stored(
    dataset: Dataset,
    asked: Mapping[Mode, Sequence[StoredAnswer]],
    provenance: Provenance,
    options: Options,
) -> StoredRun:
    metrics = parse_metrics(options.metrics or standard_metrics(options.k, options.depth))
    modes = {
        mode: mode_run(dataset, answers, metrics, options.k) for mode, answers in asked.items()
    }
    return StoredRun(
        provenance=provenance,
        queries={
            query_id: StoredQuery(
                text=text,
                tags=list(dataset.tags(query_id)),
                grades=dict(dataset.qrels[query_id]),
            )
            for query_id, text in dataset.judged_queries.items()
        },
        modes=modes,
        titles=_titles(dataset, modes.values()),
    )


def _titles(dataset: Dataset, modes: Iterable[ModeRun]) -> dict[str, str]:
    """Return the titles of the documents that are first hits, cut to a line."""
    shown = {hit.doc_id for found in modes for hits in found.top.values() for hit in hits}
    return {
        document.doc_id: shorten(document.title, _TITLE, placeholder=" …")
        for document in dataset.documents
        if document.title and document.doc_id in shown
    }


async def _prepared(
    system: SearchSystem, dataset: Dataset, options: Options, depth: int, progress: Progress
) -> Place:
    """Index what there is to index; return where to ask."""
    namespace, version = options.namespace or "", None
    if dataset.documents:
        if namespace:
            await refuse_foreign(system, dataset, namespace)
        namespace = namespace or f"eval-{dataset.documents_hash[:16]}"
        version = await index_dataset(system, dataset, namespace, progress)
    passages = passages_hash(dataset)
    return Place(namespace, version, depth, options.concurrency, options.explain, passages)


def _journal(
    dataset: Dataset, system: str, description: SystemDescription, place: Place, options: Options
) -> Journal | None:
    if options.journals is None:
        return None
    parts = (
        dataset.content_hash,
        place.passages,
        system,
        description.model_dump_json(),
        retrieval_code(),
        place.namespace,
        str(place.depth),
        str(place.explain),
    )
    fingerprint = content_hash(*parts)
    return Journal(options.journals / f"{fingerprint[:16]}.jsonl", fingerprint)


def _provenance(
    dataset: Dataset, system: str, description: SystemDescription, place: Place, options: Options
) -> Provenance:
    return Provenance(
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        label=options.label,
        command=options.command,
        created_at=datetime.now(UTC),
        system=system,
        description=description.with_settings(dataset.cut_by),
        namespace=place.namespace,
        index_version=place.index_version or 0,
        depth=place.depth,
        harness=code_version(),
        machine=this_machine(*_PACKAGES),
        passages=place.passages,
    )


def _runs(asked: Mapping[Mode, Sequence[StoredAnswer]]) -> dict[Mode, Run]:
    return {
        mode: {answer.query_id: answer.hits for answer in answers}
        for mode, answers in asked.items()
    }
