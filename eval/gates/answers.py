"""The one answer that every request gets, checked against its contract as it goes out."""

import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from eval.gates.contracts import FAILED, PUBLISHED, fault
from eval.gates.errors import GateError, Reason
from eval.gates.requests import Subject
from eval.gates.results import GateEvaluation
from retrieval.chunk import JsonValue, utc_now

SOURCE = "retrieval-eval"
_LONGEST = 2_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An event that tells what became of a request."""

    topic: str
    envelope: dict[str, JsonValue]

    @property
    def published(self) -> bool:
        """Whether the persona has passed."""
        return self.topic == PUBLISHED

    @property
    def reason(self) -> str | None:
        """Why it has not, or None where it has."""
        payload = self.envelope["payload"]
        reason = payload.get("reason") if isinstance(payload, dict) else None
        return str(reason) if reason else None

    def to_json(self) -> str:
        """Return the event as it is sent."""
        return json.dumps(self.envelope, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gate found: no `reason` means that the persona may be published."""

    reason: Reason | None = None
    detail: str = ""
    evaluations: Sequence[GateEvaluation] = field(default_factory=list)

    @classmethod
    def of_error(cls, error: GateError) -> "Outcome":
        """Return that of a gate that could not be passed."""
        return cls(error.reason, str(error))

    @classmethod
    def of_evaluations(cls, evaluations: Sequence[GateEvaluation]) -> "Outcome":
        """Return that of measured thresholds."""
        failures = [str(check) for item in evaluations for check in item.failures]
        if not failures:
            return cls(evaluations=evaluations)
        return cls("threshold-not-met", "; ".join(failures), evaluations)


def answer_to(subject: Subject, outcome: Outcome) -> Answer:
    """Return the answer; one that would break its contract becomes an `internal` failure."""
    answer = _answer(subject, outcome)
    if problem := fault(answer.envelope):
        _LOG.error("an answer to %s broke its contract: %s", subject.request_id, problem)
        detail = "the answer could not be put into words; the log has why"
        answer = _answer(subject, Outcome("internal", detail))
    return answer


def stored_answer(text: str) -> Answer:
    """Return the answer that `to_json` made."""
    envelope = json.loads(text)
    return Answer(envelope["topic"], envelope)


def _answer(subject: Subject, outcome: Outcome) -> Answer:
    first = outcome.evaluations[0] if outcome.evaluations else None
    metrics = first.metrics if first else {}
    payload: dict[str, JsonValue] = {
        "persona_id": subject.persona_id,
        "name": subject.name,
        "version": subject.version,
        "dataset_id": first.dataset_id if first else subject.dataset_id,
        "metrics": {name: value.mean for name, value in metrics.items()},
        "passed": outcome.reason is None,
        "evaluations": [item.payload() for item in outcome.evaluations],
    }
    if outcome.reason is None:
        return _enveloped(PUBLISHED, subject, payload)
    detail = outcome.detail.encode("utf-8", "replace").decode()[:_LONGEST]
    return _enveloped(FAILED, subject, payload | {"reason": outcome.reason, "detail": detail})


def _enveloped(topic: str, subject: Subject, payload: dict[str, JsonValue]) -> Answer:
    """Return the whole event; members without a value are left out, never null."""
    envelope: dict[str, JsonValue] = {
        "id": str(uuid.uuid4()),
        "topic": topic,
        "ts": f"{utc_now():%Y-%m-%dT%H:%M:%S.%fZ}",
        "version": "v1",
        "source": SOURCE,
        "payload": payload,
    }
    correlation = subject.correlation_id or subject.request_id
    known = {"correlation_id": correlation, "parent_id": subject.request_id}
    return Answer(topic, envelope | {name: value for name, value in known.items() if value})
