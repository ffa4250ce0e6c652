"""`pmoves compact`."""

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, say


def compact(as_json: AsJson = False) -> None:
    """Fold new rows into the indexes and join small files; searches go on meanwhile."""
    from retrieval.corpus.store import Corpus

    corpus = Corpus.open_existing(settings().corpus_uri)
    before = corpus.version
    corpus.optimize()
    if as_json:
        print_json({"uri": corpus.uri, "before": before, "version": corpus.version})
        return
    say(f"compacted {corpus.uri}: version {before} → {corpus.version}")
