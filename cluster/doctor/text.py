"""The engine that answers lexical searches, where there is one."""

from cluster.doctor.finding import Finding, ok, warn
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError
from retrieval.lexical.opening import open_word_engine, text_projection

_OLDEST = {"elasticsearch": (9,), "meilisearch": (1, 15)}


def check_text(settings: Settings) -> Finding | None:
    """Check that the engine answers, and how far it has come; None where none is named."""
    given = _given(settings)
    if not given:
        return None
    name = " and ".join(given)
    if not settings.text_engines:
        detail = f"{next(iter(given.values()))} is not asked: PMOVES_PROFILE is"
        return warn(name, f"{detail} {settings.profile}", "Set it to cluster.")
    try:
        version = _version(settings)
        detail = f"{version}, {_shown(settings)}"
    except PmovesError as error:
        return warn(name, str(error), _advice(name))
    oldest = _OLDEST[name]
    if _numbers(version, len(oldest)) < oldest:
        least = ".".join(map(str, oldest))
        return warn(name, detail, f"Use release {least} or newer on every node.")
    return ok(name, detail)


def _given(settings: Settings) -> dict[str, str]:
    """Return the addresses that are named, by engine."""
    hosts = settings.elasticsearch.hosts
    addresses = {
        "elasticsearch": hosts[0] if hosts else "",
        "meilisearch": settings.meilisearch.url,
    }
    return {name: address for name, address in addresses.items() if address}


def _advice(name: str) -> str:
    meanwhile = "The corpus's own text index answers meanwhile; see the settings"
    return f"{meanwhile} PMOVES_{name.upper()}__…." if name in _OLDEST else "Name one of them."


def _version(settings: Settings) -> str:
    engine = open_word_engine(settings)
    assert engine is not None
    try:
        return engine.version()
    finally:
        engine.close()


def _numbers(version: str, count: int) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:count] if part.isdigit())


def _shown(settings: Settings) -> str:
    try:
        corpus = Corpus.open_existing(settings.corpus_uri)
    except PmovesError:
        return "there is no corpus yet"
    projection = text_projection(corpus, settings)
    assert projection is not None
    with projection as opened:
        position = opened.look()
    if position is None:
        return "nothing of this corpus is there yet"
    return f"at version {position.version}, the corpus at {corpus.version}"
