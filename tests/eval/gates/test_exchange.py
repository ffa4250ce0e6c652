"""A broker that attaches to the gate: every delivery is answered, then acknowledged."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eval.gates.answers import Answer
from eval.gates.exchange import attend
from tests.eval.gates.asking import assert_sound, encoded, persona_gate, request


class Queue:
    """A broker in small: delivers again what nobody acknowledged, and keeps answers."""

    def __init__(self, *bodies: bytes, failures: int = 0) -> None:
        self.waiting = list(bodies)
        self.answers: list[Answer] = []
        self.failures = failures

    async def __aiter__(self) -> AsyncIterator["Message"]:
        for body in list(self.waiting):
            yield Message(self, body)

    async def publish(self, answer: Answer) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the broker is gone")
        self.answers.append(answer)


class Message:
    """One delivery."""

    def __init__(self, queue: Queue, body: bytes) -> None:
        self._queue = queue
        self.body = body

    async def acknowledge(self) -> None:
        self._queue.waiting.remove(self.body)


async def test_each_delivery_is_answered_and_acknowledged(tmp_path: Path) -> None:
    gate = persona_gate(tmp_path)
    queue = Queue(encoded(request()), b"{", encoded(request("Nobody")), encoded(request()))
    await attend(queue, queue, gate, at_once=2)
    await gate.close()
    assert not queue.waiting
    for answer in queue.answers:
        assert_sound(answer)
    reasons = sorted(str(answer.reason) for answer in queue.answers)
    assert reasons == ["None", "None", "invalid-request", "unknown-persona"]


async def test_an_answer_that_was_not_sent_is_sent_at_the_next_delivery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = persona_gate(tmp_path)
    queue = Queue(encoded(request()), failures=1)
    await attend(queue, queue, gate)
    assert (len(queue.waiting), len(queue.answers)) == (1, 0)
    assert "could not be sent" in caplog.text
    stored = gate.store.answers("Archon", "2.0")
    await attend(queue, queue, gate)
    await gate.close()
    assert [answer.to_json() for answer in queue.answers] == stored
    assert not queue.waiting
