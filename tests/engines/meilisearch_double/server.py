"""The HTTP side: reference, "API", "Authorization", "Search" and "Multi-search"."""

import json
import re
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.engines.meilisearch_double.errors import ApiError
from tests.engines.meilisearch_double.queue import Queue
from tests.engines.meilisearch_double.searches import federated, several, single
from tests.engines.meilisearch_double.store import Store, checked_settings, checked_uid

_VERSION = "1.15.0"
_Answer = tuple[int, Any]
_UID = r"(?P<uid>[^/]+)"


class Api:
    """What each route does; bodies are JSON, and so is what is answered."""

    def __init__(self, folder: Path, key: str) -> None:
        self._store, self._key = Store(), key
        self._queue = Queue(self._store, folder)
        self._routes = {(method, re.compile(path)): work for method, path, work in self._table()}

    def answer(
        self, method: str, target: str, authorization: str | None, body: bytes
    ) -> tuple[int, Any]:
        """Return status and body of an answer."""
        url = urlsplit(target)
        given = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            self._admit(url.path, authorization)
            with self._queue.lock:
                return self._work(method, url.path, given, json.loads(body) if body else None)
        except ApiError as error:
            return error.status, error.body
        except ValueError as error:
            refused = ApiError("malformed_payload", f"The json payload is malformed: {error}")
            return refused.status, refused.body

    def _admit(self, path: str, authorization: str | None) -> None:
        if not self._key or path == "/health":
            return
        if authorization is None:
            message = "The Authorization header is missing. It must use the bearer method."
            raise ApiError("missing_authorization_header", message)
        if authorization != f"Bearer {self._key}":
            raise ApiError("invalid_api_key", "The provided API key is invalid.")

    def _work(self, method: str, path: str, given: dict[str, str], body: Any) -> _Answer:
        known = False
        for (own, pattern), work in self._routes.items():
            if found := pattern.fullmatch(path):
                known = True
                if own == method:
                    parts = {name: unquote(part) for name, part in found.groupdict().items()}
                    return work(**parts, given=given, body=body)
        raise ApiError("method_not_allowed" if known else "not_found", f"No {method} {path}.")

    def _table(self) -> list[tuple[str, str, Callable[..., _Answer]]]:
        index = f"/indexes/{_UID}"
        return [
            ("GET", "/health", lambda **_: (200, {"status": "available"})),
            ("GET", "/version", lambda **_: (200, _version())),
            ("GET", "/indexes", self._list_indexes),
            ("POST", "/indexes", self._create),
            ("GET", index, lambda uid, **_: (200, self._store.index(uid).info(uid))),
            ("DELETE", index, lambda uid, **_: self._take("indexDeletion", uid, None)),
            ("POST", "/swap-indexes", lambda body, **_: self._take("indexSwap", None, body)),
            ("GET", f"{index}/settings", lambda uid, **_: (200, self._store.index(uid).settings)),
            ("PATCH", f"{index}/settings", self._change_settings),
            ("GET", f"{index}/stats", self._stats),
            ("GET", f"{index}/documents", self._documents),
            ("POST", f"{index}/documents", self._put),
            ("POST", f"{index}/documents/fetch", self._fetch),
            ("POST", f"{index}/documents/delete-batch", self._delete),
            ("POST", f"{index}/documents/delete", self._delete),
            ("GET", f"{index}/documents/(?P<name>[^/]+)", self._document),
            ("GET", "/tasks", lambda given, **_: (200, self._queue.listed(given))),
            ("POST", "/tasks/cancel", lambda given, **_: (200, self._queue.cancel(given["uids"]))),
            ("GET", "/tasks/(?P<task>[0-9]+)", self._task),
            ("POST", f"{index}/search", self._search),
            ("POST", "/multi-search", self._multi_search),
        ]

    def _take(self, kind: str, uid: str | None, payload: Any) -> _Answer:
        return 202, self._queue.take(kind, uid, payload)

    def _list_indexes(self, given: dict[str, str], **_: Any) -> _Answer:
        offset, limit = int(given.get("offset", 0)), int(given.get("limit", 20))
        found = [index.info(uid) for uid, index in sorted(self._store.indexes.items())]
        page = {"offset": offset, "limit": limit, "total": len(found)}
        return 200, {"results": found[offset : offset + limit], **page}

    def _create(self, body: dict[str, Any], **_: Any) -> _Answer:
        return self._take("indexCreation", checked_uid(body.get("uid")), body.get("primaryKey"))

    def _change_settings(self, uid: str, body: dict[str, Any], **_: Any) -> _Answer:
        return self._take("settingsUpdate", checked_uid(uid), checked_settings(body))

    def _stats(self, uid: str, **_: Any) -> _Answer:
        count = len(self._store.index(uid).documents)
        return 200, {"numberOfDocuments": count, "isIndexing": False, "fieldDistribution": {}}

    def _documents(self, uid: str, given: dict[str, str], **_: Any) -> _Answer:
        return 200, self._store.index(uid).listed(given)

    def _fetch(self, uid: str, body: dict[str, Any], **_: Any) -> _Answer:
        return 200, self._store.index(uid).listed(body)

    def _document(self, uid: str, name: str, **_: Any) -> _Answer:
        documents = self._store.index(uid).documents
        if name not in documents:
            raise ApiError("document_not_found", f"Document `{name}` not found.")
        return 200, documents[name]

    def _put(self, uid: str, given: dict[str, str], body: Any, **_: Any) -> _Answer:
        documents = body if isinstance(body, list) else [body]
        payload = [documents, given.get("primaryKey")]
        return self._take("documentAdditionOrUpdate", checked_uid(uid), payload)

    def _delete(self, uid: str, body: Any, **_: Any) -> _Answer:
        return self._take("documentDeletion", checked_uid(uid), body)

    def _task(self, task: str, **_: Any) -> _Answer:
        return 200, self._queue.task(int(task))

    def _search(self, uid: str, body: dict[str, Any], **_: Any) -> _Answer:
        return 200, single(self._store.index(uid), body)

    def _multi_search(self, body: dict[str, Any], **_: Any) -> _Answer:
        merged = body.get("federation")
        if merged is None:
            return 200, several(self._store, body["queries"])
        return 200, federated(self._store, body["queries"], merged)


def _version() -> dict[str, str]:
    return {"commitSha": "double", "commitDate": "2025-06-09T00:00:00Z", "pkgVersion": _VERSION}


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the API."""

    api: ClassVar[Api]
    protocol_version = "HTTP/1.1"
    # Small answers wait for nothing.
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        authorization = self.headers.get("Authorization")
        status, told = self.api.answer(self.command, self.path, authorization, body)
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log clean."""


def main(port: str, folder: str, key: str = "") -> None:
    """Serve at `port` of the loopback address, with the tasks of `folder`."""
    Handler.api = Api(Path(folder), key)
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
