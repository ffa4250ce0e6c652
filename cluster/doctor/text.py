"""The Elasticsearch that answers lexical searches, where there is one."""

from cluster.doctor.finding import Finding, ok, warn
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError
from retrieval.lexical.elasticsearch.generation import ElasticsearchEngine
from retrieval.lexical.elasticsearch.projection import lexical_projection

_ADVICE = "The corpus's own text index answers meanwhile; see the settings PMOVES_ELASTICSEARCH__…."
_OLDEST = 9


def check_text(settings: Settings) -> Finding | None:
    """Check that Elasticsearch answers, and how far it has come; None where none is named."""
    if not settings.elasticsearch.hosts:
        return None
    if not settings.uses_elasticsearch:
        detail = f"{settings.elasticsearch.hosts[0]} is not asked: PMOVES_PROFILE is"
        return warn("elasticsearch", f"{detail} {settings.profile}", "Set it to cluster.")
    try:
        engine = ElasticsearchEngine(settings.elasticsearch)
        try:
            version = engine.version()
        finally:
            engine.close()
        detail = f"{version}, {_shown(settings)}"
    except PmovesError as error:
        return warn("elasticsearch", str(error), _ADVICE)
    if int(version.split(".")[0]) < _OLDEST:
        return warn("elasticsearch", detail, f"Use release {_OLDEST} or newer on every node.")
    return ok("elasticsearch", detail)


def _shown(settings: Settings) -> str:
    try:
        corpus = Corpus.open_existing(settings.corpus_uri)
    except PmovesError:
        return "there is no corpus yet"
    with lexical_projection(corpus, settings.elasticsearch) as projection:
        position = projection.look()
    if position is None:
        return "nothing of this corpus is there yet"
    return f"at version {position.version}, the corpus at {corpus.version}"
