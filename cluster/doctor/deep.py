"""Whether remote engines hold what the corpus holds, item by item."""

from collections.abc import Iterator

from cluster.doctor.finding import Finding, fail, ok, warn
from cluster.projections import PROJECTIONS, projections_in_use
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError


def check_projections(settings: Settings) -> Iterator[Finding]:
    """Compare every projection in use with the version of the corpus that it shows."""
    for name in projections_in_use(settings):
        yield _compared(name, settings)


def _compared(name: str, settings: Settings) -> Finding:
    advice = f"Run `pmoves rebuild {name}`; searches go on meanwhile."
    try:
        corpus = Corpus.open_existing(settings.corpus_uri)
        with PROJECTIONS[name](settings, corpus) as projection:
            found = projection.compare()
    except PmovesError as error:
        return warn(name, str(error), "It could not be compared with the corpus.")
    if not found:
        return warn(name, "nothing of this corpus is there yet", advice)
    detail = "; ".join(map(str, found))
    return ok(name, detail) if all(part.equal for part in found) else fail(name, detail, advice)
