"""Whether the object store of the corpus lets only one of several writers win."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster.doctor.finding import Finding, fail, ok, warn
from cluster.settings import Settings
from retrieval.errors import PmovesError
from retrieval.object_address import ObjectAddress, is_object_uri
from retrieval.object_store import file_system

_WRITERS = 4
_ADVICE = "Use another store for the corpus, or a newer release of this one: commits would be lost."
_UNKNOWN = "It could not be tried; check PMOVES_S3__ENDPOINT and its neighbours."


def check_creation(settings: Settings) -> Finding | None:
    """Have several writers create one object at once; None where the corpus is in no store.

    The object lies beside the tables of the corpus, and goes again.
    """
    uri = settings.corpus_uri
    if not is_object_uri(uri):
        return None
    try:
        address, files = ObjectAddress.parse(uri), file_system(settings.s3)
    except PmovesError as error:
        return warn("s3", str(error), _UNKNOWN)
    key = f"{address.key.rstrip('/')}/doctor-{uuid.uuid4().hex}".lstrip("/")
    place = {"Bucket": address.bucket, "Key": key}
    try:
        return _judged(_created(files, place), uri)
    finally:
        _outcome(files, "delete_object", place)


def _created(files: Any, place: dict[str, str]) -> list[Exception | None]:
    wanted = place | {"Body": b"", "IfNoneMatch": "*"}
    with ThreadPoolExecutor(_WRITERS) as threads:
        return list(threads.map(lambda _at: _outcome(files, "put_object", wanted), range(_WRITERS)))


def _outcome(files: Any, call: str, given: dict[str, Any]) -> Exception | None:
    try:
        files.call_s3(call, **given)
    except Exception as error:
        return error
    return None


def _judged(outcomes: list[Exception | None], uri: str) -> Finding:
    if outcomes.count(None) == 1:
        return ok("s3", f"of {_WRITERS} who create the same object in {uri}, one wins")
    errors = [error for error in outcomes if error]
    if len(errors) < _WRITERS:
        won = f"of {_WRITERS} who create the same object in {uri}, {outcomes.count(None)} win"
        return fail("s3", won, _ADVICE)
    line = " ".join(str(errors[0]).split())[:300] or type(errors[0]).__name__
    return warn("s3", f"{uri} takes no object: {line}", _UNKNOWN)
