"""Who may call what: the one table of every route."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.routing import compile_path

from retrieval.state.keys import ApiKey, Role

PAGES = "/eval"
SIGN_IN, SIGN_OUT = f"{PAGES}/sign-in", f"{PAGES}/sign-out"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks of its caller.

    No `role` means that everybody may call it. `local` lets programs on this machine
    in without a key; `whole` wants a key for all namespaces, because the answer
    tells of all of them. A `page` is for browsers too, which show a session instead.
    """

    role: Role | None
    local: bool = False
    whole: bool = False
    page: bool = False

    def refusal(self, key: ApiKey) -> str | None:
        """Return why `key` is not enough, or None where it is."""
        if self.role is not None and not key.may(self.role):
            return f"This key has the role '{key.role}'; the call needs '{self.role}'."
        if self.whole and key.namespaces is not None:
            return "This call tells of all namespaces, and the key is for some of them only."
        return None


_PUBLIC = Rule(None)
# Evaluations hold questions and documents of every namespace.
_EVALUATIONS = Rule("read", whole=True)
_PAGE = Rule("read", whole=True, page=True)
_READ, _INGEST, _ADMIN = Rule("read"), Rule("ingest"), Rule("admin")
RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/hirag/query"): _READ,
    ("POST", "/hirag/answer"): _READ,
    ("POST", "/hirag/upsert-batch"): _INGEST,
    ("GET", "/documents"): _READ,
    ("POST", "/documents"): _INGEST,
    ("GET", "/documents/{doc_id:path}"): _READ,
    ("DELETE", "/documents/{doc_id:path}"): _INGEST,
    ("GET", "/quarantine"): _READ,
    ("POST", "/quarantine/retry"): _INGEST,
    ("POST", "/quarantine/ignore"): _INGEST,
    ("POST", "/ingest"): _INGEST,
    ("GET", "/jobs"): _INGEST,
    ("GET", "/jobs/{job_id}"): _INGEST,
    ("DELETE", "/jobs/{job_id}"): _INGEST,
    ("POST", "/jobs/{job_id}/pause"): _INGEST,
    ("POST", "/jobs/{job_id}/resume"): _INGEST,
    ("GET", "/schedules"): _INGEST,
    ("GET", "/schedules/{schedule_id}"): _INGEST,
    ("DELETE", "/schedules/{schedule_id}"): _INGEST,
    ("GET", "/namespaces"): _READ,
    ("GET", "/hirag/admin/stats"): _ADMIN,
    ("GET", "/hirag/admin/rerank-status"): _ADMIN,
    ("POST", "/hirag/admin/reranker/model/label"): _ADMIN,
    ("POST", "/hirag/admin/refresh"): _ADMIN,
    ("POST", "/hirag/admin/cache/clear"): _ADMIN,
    ("GET", "/"): _READ,
    ("GET", "/docs"): _READ,
    ("GET", "/docs/oauth2-redirect"): _READ,
    ("GET", "/redoc"): _READ,
    ("GET", "/openapi.json"): _READ,
    ("GET", "/healthz"): _PUBLIC,
    ("GET", "/readyz"): _PUBLIC,
    ("GET", "/metrics"): Rule("admin", local=True, whole=True),
    ("GET", "/eval"): _PAGE,
    ("GET", "/eval/runs/{time}/{collection}"): _PAGE,
    ("GET", "/eval/compare"): _PAGE,
    ("GET", "/eval/trends"): _PAGE,
    ("GET", SIGN_IN): _PUBLIC,
    ("POST", SIGN_IN): _PUBLIC,
    ("POST", SIGN_OUT): _PUBLIC,
    ("GET", "/eval/api/runs"): _EVALUATIONS,
    ("GET", "/eval/api/runs/{time}/{collection}"): _EVALUATIONS,
    ("GET", "/eval/api/compare"): _EVALUATIONS,
    ("GET", "/eval/api/trends"): _EVALUATIONS,
    ("GET", "/eval/api/gates"): _EVALUATIONS,
    ("POST", "/eval/personas/publish"): Rule("publish", whole=True),
    ("GET", "/eval/personas"): _EVALUATIONS,
    ("GET", "/eval/personas/answers"): _EVALUATIONS,
    ("GET", "/eval/personas/answers/{request_id}"): _EVALUATIONS,
}
_PATTERNS = [
    (method, compile_path(template)[0], rule) for (method, template), rule in RULES.items()
]
# A route that nobody has entered above is for those who may do everything.
UNLISTED = Rule("admin", whole=True)


def rule_for(method: str, path: str) -> Rule:
    """Return the rule of the route that answers `method` on `path`."""
    asked = "GET" if method == "HEAD" else method
    for own, pattern, rule in _PATTERNS:
        if own == asked and pattern.match(path):
            return rule
    return UNLISTED


def methods_of(path: str) -> list[str]:
    """Return the methods that `path` is listed with."""
    return sorted({method for method, pattern, _ in _PATTERNS if pattern.match(path)})
