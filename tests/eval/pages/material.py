"""Runs that a page can show, some of them with hostile text in every place."""

from eval.datasets.base import Dataset, DatasetDocument
from eval.journal import StoredHit
from eval.report import EvaluationReport, report_of
from eval.stored import StoredRun
from eval.suites.judging import Measured, judge
from eval.suites.spec import Suite
from retrieval.query import Explanation, StageScore
from tests.eval.stored import stored_run

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>'\"&"
_NUMBERS = range(60)


def collection(name: str = "harbour", spice: str = "") -> Dataset:
    """Return sixty queries with two tags; `spice` is added to every text."""
    return Dataset(
        name,
        tuple(DatasetDocument(f"d{n}{spice}", "text", f"Title {n}{spice}") for n in _NUMBERS),
        {f"q{n}": f"query number {n} {spice}" for n in _NUMBERS},
        {f"q{n}": {f"d{n}{spice}": 1 + n % 2, f"d{(n + 1) % 60}{spice}": 0} for n in _NUMBERS},
        records={f"q{n}": {"tags": [("odd" if n % 2 else "even") + spice]} for n in _NUMBERS},
    )


def run_of(dataset: Dataset, worse: int = 0, label: str = "plain") -> StoredRun:
    """Return a run in hybrid and lexical mode; the first `worse` queries lose half a point."""
    values = [0.5 if n < worse else 1.0 for n in _NUMBERS]
    metrics = {"nDCG@10": values, "MRR": values}
    run = stored_run(dataset, metrics, modes=("hybrid", "lexical"), label=label)
    documents = [document.doc_id for document in dataset.documents]
    for number, query in enumerate(run.queries):
        run.queries[query].grades.update(dataset.qrels[query])
        right = [documents[number]] if number >= worse else []
        run.modes["hybrid"].top[query] = [
            StoredHit(
                doc_id=name,
                score=0.9 - place / 10,
                explain=Explanation(
                    fusion="convex",
                    alpha=0.7,
                    dense=StageScore(score=0.4, rank=place + 1, normalized=1.0),
                    lexical=StageScore(normalized=0.0),
                    boosts={"neighbors": -0.02},
                ),
            )
            for place, name in enumerate([*right, documents[(number + 7) % 60]])
        ]
    spice = run.queries["q3"].text.removeprefix("query number 3 ")
    run.modes["hybrid"].corrections["q3"] = {f"numbr{spice}": f"number{spice}"}
    run.titles.update({item.doc_id: item.title for item in dataset.documents})
    return run


def report_for(run: StoredRun, dataset: Dataset, floor: float = 0.5) -> EvaluationReport:
    """Return the report of `run`, with a suite that asks for an nDCG of `floor`."""
    report = report_of(run, dataset, k=10, index_seconds=0)
    suite = Suite.model_validate(
        {"name": f"all of {dataset.name}", "thresholds": {"nDCG@10": {"min": floor}}}
    )
    report.suites.extend(judge({"labelled": Measured(dataset, run, [suite])})["labelled"])
    return report
