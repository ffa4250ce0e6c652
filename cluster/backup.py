"""Backups: the corpus and the state database in a folder or a bucket, and back."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from cluster.backup_places import BackupPlace, backup_place
from cluster.errors import BackupError
from cluster.settings import Settings
from retrieval.chunk import utc_now
from retrieval.corpus.backup import copy_corpus
from retrieval.errors import CorpusError

_STATE, _RECORD = "state.db", "backup.json"


class Backup(BaseModel):
    """What a backup holds; written last, so that half a backup has none.

    `gates_in` is the address of a Supabase project that keeps the gates, which are not copied.
    """

    created_at: datetime
    index_version: int
    state: bool
    gates_in: str | None = None


def back_up(settings: Settings, target: str) -> Backup:
    """Copy corpus and state to `target`, a folder or an `s3:` URI, while the mesh goes on.

    Raises `BackupError` where `target` holds anything or cannot be written, `CorpusError`
    where there is no corpus or it cannot be copied.
    """
    place = backup_place(target, settings.s3)
    place.require_empty()
    with TemporaryDirectory(prefix="pmoves-backup-") as folder:
        # First the state: a job of later does not stand in it, but what it stored does no harm.
        copied = Path(folder) / _STATE
        if state := _copy_state(_state_file(settings), copied):
            place.put(_STATE, copied)
        version = copy_corpus(settings.corpus_uri, place.corpus_uri)
        elsewhere = settings.supabase.url if settings.uses_supabase else None
        made = Backup(created_at=utc_now(), index_version=version, state=state, gates_in=elsewhere)
        record = Path(folder) / _RECORD
        record.write_text(made.model_dump_json(indent=2))
        place.put(_RECORD, record)
    return made


def restore(settings: Settings, source: str) -> Backup:
    """Copy the backup at `source` to where the settings say that corpus and state lie.

    Overwrites nothing: raises `BackupError` where there is a state database or part of
    a corpus, and where `source` is no whole backup.
    """
    place = backup_place(source, settings.s3)
    with TemporaryDirectory(prefix="pmoves-restore-") as folder:
        made = _read_record(place, source, Path(folder) / _RECORD)
        state = _state_file(settings)
        _require_free(settings, state if made.state else None)
        if made.state:
            place.get(_STATE, Path(folder) / _STATE)
        try:
            copy_corpus(place.corpus_uri, settings.corpus_uri, restoring=True)
            if made.state:
                _copy_state(Path(folder) / _STATE, state)
        except OSError as error:
            raise BackupError(f"cannot restore {source}: {error}.") from error
    return made


def _require_free(settings: Settings, state: Path | None) -> None:
    corpus = Path(settings.corpus_uri)
    if "://" not in settings.corpus_uri and corpus.exists() and any(corpus.iterdir()):
        raise BackupError(f"there is something at {corpus} already; move it away first.")
    if state is not None and state.exists():
        raise BackupError(f"there is a state database at {state} already; move it away first.")


def _read_record(place: BackupPlace, source: str, file: Path) -> Backup:
    try:
        place.get(_RECORD, file)
        return Backup.model_validate_json(file.read_bytes())
    except (BackupError, OSError, ValidationError) as error:
        raise BackupError(
            f"{source} is no whole backup: its {_RECORD} cannot be read ({error}); choose another."
        ) from error


def _state_file(settings: Settings) -> Path | None:
    """Return the path of the SQLite database; None where the state lies elsewhere."""
    url = sa.make_url(settings.state_url)
    sqlite = url.get_backend_name() == "sqlite" and url.database
    return Path(str(url.database)) if sqlite else None


def _copy_state(source: Path | None, target: Path | None) -> bool:
    if source is None or target is None or not source.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise CorpusError(f"cannot copy the state database {source}: {error}") from error
    return True
