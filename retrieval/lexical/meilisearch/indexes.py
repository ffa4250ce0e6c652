"""Indexes of Meilisearch: made, dropped, and what is noted in them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from retrieval.errors import EngineError
from retrieval.lexical.meilisearch.client import code
from retrieval.lexical.meilisearch.entries import index_settings
from retrieval.lexical.meilisearch.tasks import Tasks
from retrieval.projection.base import Position
from retrieval.settings import MeilisearchSettings

if TYPE_CHECKING:
    from meilisearch_python_sdk import Client

NOTE = "position"
"""The id of the document that is the note; those of passages have other ones."""
_ABSENT = frozenset({"index_not_found", "document_not_found"})


def made_at(client: "Client", uid: str) -> str | None:
    """Return when the index was made, None where there is none."""
    from meilisearch_python_sdk.errors import MeilisearchApiError

    try:
        made = client.index(uid).fetch_info().created_at
    except MeilisearchApiError as error:
        if code(error) in _ABSENT:
            return None
        raise
    return made.isoformat() if made else None


def note_in(client: "Client", uid: str) -> Mapping[str, Any] | None:
    """Return what is noted in the index, None where nothing is."""
    from meilisearch_python_sdk.errors import MeilisearchApiError

    try:
        return client.index(uid).get_document(NOTE)
    except MeilisearchApiError as error:
        if code(error) in _ABSENT:
            return None
        raise


def position_in(client: "Client", uid: str, made: str) -> Position | None:
    """Return the position that was noted in the index made at `made`, or None."""
    note = note_in(client, uid) or {}
    try:
        return Position.model_validate(note.get("position")) if note.get("made") == made else None
    except ValidationError:
        return None


def corpora_in(client: "Client", uid: str) -> set[object]:
    """Return the ids of corpora that the index was made for."""
    note = note_in(client, uid) or {}
    position = note.get("position")
    return {note.get("building"), position.get("corpus") if isinstance(position, dict) else None}


def create(
    client: "Client", uid: str, settings: MeilisearchSettings, note: Mapping[str, Any] | None = None
) -> str:
    """Make an index with `note` in it; return when it was made."""
    tasks = Tasks(client, uid, settings.task_timeout_s)
    index = client.create_index(uid, "id", timeout_in_ms=int(1_000 * settings.task_timeout_s))
    tasks.send(index.update_settings(index_settings()))
    tasks.send(index.add_documents([{"id": NOTE, **(note or {})}], "id"))
    tasks.finish()
    if (made := made_at(client, uid)) is None:
        raise EngineError(f"meilisearch: the index {uid} was dropped as soon as it was made")
    return made


def drop(client: "Client", uids: Sequence[str], settings: MeilisearchSettings) -> None:
    """Remove those of the indexes that are there."""
    for uid in uids:
        if made_at(client, uid) is not None:
            tasks = Tasks(client, uid, settings.task_timeout_s)
            tasks.send(client.index(uid).delete())
            tasks.finish()
