"""From rows of the chunks table to hits."""

import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from retrieval.chunk import JsonValue
from retrieval.corpus.schema import LOCATOR_COLUMNS, from_json
from retrieval.query import Explanation, Hit, Source

_PERSONA = ("id", "slug", "label", "name", "summary", "namespace")
_OPENABLE = frozenset({"http", "https", "file"})


def make_hit(
    row: Mapping[str, Any],
    score: float,
    explain: Explanation | None,
    entities: Sequence[str] = (),
    rerank_score: float | None = None,
) -> Hit:
    """Return the hit of a row that holds `HIT_COLUMNS` and mentions `entities` of the query."""
    payload = from_json(row["metadata"])
    return Hit(
        chunk_id=row["chunk_id"],
        doc_id=row["doc_id"],
        section_id=row["section_id"],
        namespace=row["namespace"],
        text=row["indexed_text"][row["text_offset"] :],
        score=score,
        rerank_score=rerank_score,
        graph_match=bool(entities),
        entities=list(entities),
        source=_source(row),
        payload=payload,
        persona=_persona(payload),
        explain=explain,
    )


def _source(row: Mapping[str, Any]) -> Source:
    place = {name: row[name] for name in LOCATOR_COLUMNS}
    return Source(
        uri=row["source"] or "",
        title=row["title"],
        media_type=row["media_type"],
        url=deep_link(row["source"] or "", row["page"], row["t_start"]),
        **place,
    )


def deep_link(uri: str, page: int | None, seconds: float | None) -> str | None:
    """Return a URL that opens `uri` at a page or second, None if it cannot be opened.

    Pages follow RFC 8118, seconds the W3C Media Fragments, YouTube its `t=`.
    """
    try:
        return _opened_at(uri, page, seconds)
    except ValueError:
        # Callers name their sources as they like; not every name is a URL.
        return None


def _opened_at(uri: str, page: int | None, seconds: float | None) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme not in _OPENABLE:
        return None
    if seconds is None or not math.isfinite(seconds):
        return uri if page is None else urlunsplit(parts._replace(fragment=f"page={page}"))
    if _is_youtube(parts.hostname):
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        query = [pair for pair in pairs if pair[0] != "t"]
        timed = urlencode([*query, ("t", f"{int(seconds)}s")])
        return urlunsplit(parts._replace(query=timed))
    return urlunsplit(parts._replace(fragment=f"t={_decimal(seconds)}"))


def _decimal(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _is_youtube(host: str | None) -> bool:
    return host in {"youtu.be", "youtube.com", "www.youtube.com", "m.youtube.com"}


def _persona(payload: Mapping[str, JsonValue]) -> dict[str, JsonValue] | None:
    found = {name: payload[key] for name in _PERSONA if payload.get(key := f"persona_{name}")}
    return found or None
