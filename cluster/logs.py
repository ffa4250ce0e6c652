"""Log set-up of the command line: plain text or JSON, to standard error."""

import json
import logging
import sys
from datetime import UTC, datetime

from retrieval.settings import LogSettings

_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object an event: time, level, logger, message, and the error if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as one line of JSON."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def configure_logging(settings: LogSettings) -> None:
    """Send our own events to standard error at the level and in the form asked for.

    Other libraries are heard from warnings upward only.
    """
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter() if settings.format == "json" else logging.Formatter(_PLAIN)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("retrieval", "data_jobs", "serve_apps", "cluster", "eval"):
        logging.getLogger(name).setLevel(settings.level.upper())
