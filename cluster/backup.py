"""Backups: the corpus and the state database in a folder, and back."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from cluster.errors import BackupError
from cluster.settings import Settings
from retrieval.chunk import utc_now
from retrieval.corpus.backup import copy_corpus
from retrieval.errors import CorpusError


class Backup(BaseModel):
    """What a backup holds; written last, so that half a backup has none."""

    created_at: datetime
    index_version: int
    state: bool


def back_up(settings: Settings, target: Path) -> Backup:
    """Copy corpus and state into the folder `target`, while the mesh goes on.

    Raises `BackupError` where `target` holds anything, `CorpusError` where there is
    no corpus or it cannot be copied.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target} is not an empty folder; name a new one for each backup.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        # First the state: a job of later does not stand in it, but what it stored does no harm.
        state = _copy_state(_state_file(settings), target / "state.db")
        version = copy_corpus(settings.corpus_uri, str(target.absolute() / "corpus"))
        made = Backup(created_at=utc_now(), index_version=version, state=state)
        _record_path(target).write_text(made.model_dump_json(indent=2))
    except OSError as error:
        raise BackupError(f"cannot write the backup to {target}: {error}.") from error
    return made


def restore(settings: Settings, source: Path) -> Backup:
    """Copy the backup in `source` to where the settings say that corpus and state lie.

    Overwrites nothing: raises `BackupError` where there is a state database or part of
    a corpus, and where `source` is no whole backup.
    """
    made = _read_record(source)
    state = _state_file(settings)
    corpus = Path(settings.corpus_uri)
    if "://" not in settings.corpus_uri and corpus.exists() and any(corpus.iterdir()):
        raise BackupError(f"there is something at {corpus} already; move it away first.")
    if made.state and state is not None and state.exists():
        raise BackupError(f"there is a state database at {state} already; move it away first.")
    try:
        copy_corpus(str(source.absolute() / "corpus"), settings.corpus_uri, restoring=True)
        if made.state:
            _copy_state(source / "state.db", state)
    except OSError as error:
        raise BackupError(f"cannot restore {source}: {error}.") from error
    return made


def _record_path(folder: Path) -> Path:
    return folder / "backup.json"


def _read_record(source: Path) -> Backup:
    try:
        return Backup.model_validate_json(_record_path(source).read_bytes())
    except (OSError, ValidationError) as error:
        raise BackupError(
            f"{source} is no whole backup: its backup.json cannot be read; choose another."
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
