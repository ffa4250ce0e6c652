"""What the gateway tells about itself. Blocking."""

from collections.abc import Mapping

import sqlalchemy as sa
from pydantic import TypeAdapter

from retrieval.chunk import JsonValue
from retrieval.projection.following import Progress
from serve_apps.caller import Caller
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from serve_apps.wire_state import Stats

_SECRET_WORDS = frozenset({"key", "password", "secret", "token", "credential", "credentials"})
_OBJECT = TypeAdapter(dict[str, JsonValue])


def gather_stats(services: Services, caller: Caller) -> Stats:
    """Return the state of every stage, as far as it is the caller's to know."""
    settings, index = services.settings, _visible(services.searcher.stats(), caller)
    newest = services.corpus.version
    lag = max(0, newest - services.searcher.version)
    jobs = services.jobs.list(caller.listed(())).jobs
    reranking = services.searcher.reranking
    return Stats(
        index=index,
        projections={
            name: {"version": services.searcher.version, "lag_versions": lag}
            for name in ("dense", "lexical")
        }
        | {name: _engine(progress) for name, progress in services.projections().items()},
        embedding=_OBJECT.validate_python(services.searcher.identity.model_dump(mode="json")),
        stages={
            "dense": "on",
            "lexical": _lexical(services),
            "answer": "not configured" if services.answering is None else "on",
            "rerank": "not configured" if reranking is None else "on",
            "graph": "on" if _knows_entities(services, index) else "not configured",
        },
        jobs_active=sum(not job.finished for job in jobs),
        settings=_settings_shown(settings, caller),
        alpha=settings.search.alpha,
        rerank_enabled=reranking is not None,
        rerank_model=None if reranking is None else reranking.label or settings.rerank.model,
        collection=services.corpus.uri,
    )


def _engine(progress: Progress) -> dict[str, JsonValue]:
    return {
        "version": progress.position.version if progress.position else 0,
        "lag_versions": progress.lag_versions,
        "lag_seconds": round(progress.lag_seconds, 3),
        "trouble": progress.trouble,
    }


def _lexical(services: Services) -> str:
    engine = services.searcher.engine
    if engine is None:
        return "on"
    return f"on, in {engine.name}" if engine.available else f"on, without {engine.name}"


def _knows_entities(services: Services, index: Mapping[str, JsonValue]) -> bool:
    vectors = index["vectors"]
    assert isinstance(vectors, dict)
    return services.searcher.has_entities(vectors)


def _visible(index: dict[str, JsonValue], caller: Caller) -> dict[str, JsonValue]:
    vectors = index["vectors"]
    assert isinstance(vectors, dict)
    own: dict[str, JsonValue] = {
        name: count for name, count in vectors.items() if caller.sees(name)
    }
    hidden = [] if caller.namespaces is None else index.keys() & {"segments", "shards"}
    return index | {"vectors": own} | dict.fromkeys(hidden)


def _settings_shown(settings: AppArgs, caller: Caller) -> dict[str, JsonValue]:
    shown = without_secrets(_OBJECT.validate_python(settings.model_dump(mode="json")))
    search = shown["search"]
    assert isinstance(search, dict)
    if not caller.sees(settings.search.namespace):
        search["namespace"] = "***"
    return shown


def without_secrets(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return `values` with secrets, and passwords in URLs, blanked out."""
    return {name: _public(name, value) for name, value in values.items()}


def _public(name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return without_secrets(value)
    if isinstance(value, str) and value and not _SECRET_WORDS.isdisjoint(name.split("_")):
        return "***"
    if isinstance(value, str) and "://" in value:
        return _without_password(value)
    return value


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return url
