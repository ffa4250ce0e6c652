"""Log records of our packages on their way to Ray Serve's log files.

Serve gives every replica a rotating file, as text or JSON, behind the logger
`ray.serve`. Records of ours go there with the request id and the trace id, without
secrets, and without what exceptions of others quote: it may be text of a document.
"""

import copy
import logging
import re
import traceback
from collections.abc import Iterator
from contextvars import ContextVar

from opentelemetry import trace

from retrieval.errors import PmovesError
from retrieval.settings import LogSettings

SERVE_LOGGER = "ray.serve"
PACKAGES = ("retrieval", "serve_apps")
request_id_var: ContextVar[str] = ContextVar("request_id", default="")

_MASK = "********"
_SECRETS = (
    (re.compile(r"(?i)(\bbearer\s+)[^\s'\"]+"), rf"\1{_MASK}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{_MASK}@"),
    (
        re.compile(
            r"(?i)((?:api_?key|passw(?:or)?d|secret|token|authorization)[\"']?\s*[=:]\s*[\"']?)"
            r"(?!bearer\b)[^\s\"',;&}]+"
        ),
        rf"\1{_MASK}",
    ),
)
# Their messages are our own, or the system's about paths.
_QUOTABLE = (PmovesError, OSError, ImportError)


class ServeHandler(logging.Handler):
    """Hands records to Serve's logger, in the form in which they may be kept."""

    def emit(self, record: logging.LogRecord) -> None:
        """Clean `record` and pass it on."""
        logging.getLogger(SERVE_LOGGER).handle(cleaned(record))


def configure_replica_logging(settings: LogSettings) -> None:
    """Send what our packages log in this replica to Serve's file, from `settings.level` up."""
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.handlers = [ServeHandler()]
        logger.propagate = False
        logger.setLevel(settings.level.upper())


def cleaned(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy of `record` with request and trace id, and without what must not be kept."""
    # Other handlers get the same record, and have rules of their own.
    record = copy.copy(record)
    record.msg, record.args = without_secrets(record.getMessage()), ()
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = without_secrets("".join(error_lines(record.exc_info[1])).rstrip())
    for name, value in (("request_id", request_id_var.get()), ("trace_id", trace_id())):
        if value and not hasattr(record, name):
            setattr(record, name, value)
    return record


def trace_id() -> str:
    """Return the trace id of the request in hand as 32 hexadecimal digits, or ""."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


def without_secrets(text: str) -> str:
    """Return `text` with keys, tokens and passwords masked."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def error_lines(error: BaseException) -> Iterator[str]:
    """Yield where `error` and its causes came from; messages only where they are ours."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from error_lines(before)
        yield "then\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    yield f"{kind}: {error}\n" if isinstance(error, _QUOTABLE) else f"{kind}\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from error_lines(part)
