"""Errors as the API gives them: reference, "Error codes"."""

from typing import Any

_DOCS = "https://docs.meilisearch.com/errors#"
_STATUS = {
    "missing_authorization_header": (401, "auth"),
    "invalid_api_key": (403, "auth"),
    "index_not_found": (404, "invalid_request"),
    "document_not_found": (404, "invalid_request"),
    "task_not_found": (404, "invalid_request"),
    "not_found": (404, "invalid_request"),
    "method_not_allowed": (405, "invalid_request"),
    "no_space_left_on_device": (507, "system"),
    "internal": (500, "internal"),
}


class ApiError(Exception):
    """Something that is refused; `status` stands in the answer where it is one."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        own, kind = _STATUS.get(code, (400, "invalid_request"))
        self.status = status or own
        self.body: dict[str, Any] = {
            "message": message,
            "code": code,
            "type": kind,
            "link": f"{_DOCS}{code}",
        }


def index_not_found(uid: str) -> ApiError:
    """Return what is said of an index that is not there."""
    return ApiError("index_not_found", f"Index `{uid}` not found.")
