"""The gate: a request in, exactly one answer out, whatever happens in between."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from pydantic import ValidationError

from eval.gates.answers import Answer, Outcome, answer_to, stored_answer
from eval.gates.errors import GateError
from eval.gates.evaluation import Evaluator
from eval.gates.plan import GatePlan, plan_of
from eval.gates.requests import PublishRequest, Subject, read_request
from eval.gates.results import GateEvaluation, GateRow
from eval.gates.settings import GateSettings
from eval.gates.stores.base import Claim, GateStore, Settled, Wanted
from eval.gates.threads import Threads
from eval.gates.watching import LEFT, PASSED, GateWatch, Unwatched

T = TypeVar("T")
_STORE_THREADS = 8
_LOOK_S = 0.5
_LOG = logging.getLogger(__name__)
_OVERLOADED = Outcome("overloaded", "too many requests wait for a gate; send this one again later")
_INTERRUPTED = Outcome("interrupted", "the gate was stopped; send a new request")
_REUSED = Outcome("request-id-reused", "the id belongs to another request; give each its own")


class PersonaGate:
    """Answers requests to publish personas; belongs to one event loop.

    A request is known by the id of its envelope: the same one again gets the same
    answer and runs once, whichever process is asked. Only answers that say
    `overloaded` or `store-unavailable` are not kept. `roots` None lets requests name
    data sets anywhere. `watch` hears of each request.
    """

    def __init__(
        self,
        store: GateStore,
        evaluator: Evaluator,
        settings: GateSettings | None = None,
        *,
        roots: Sequence[str] | None = None,
        watch: GateWatch | None = None,
    ) -> None:
        self._watch = watch or Unwatched()
        self.settings = settings or GateSettings()
        self.store = store
        self._evaluator = evaluator
        self._roots = roots
        self._running: dict[str, tuple[str, asyncio.Task[Answer]]] = {}
        self._runs = Threads(self.settings.runs)
        self._calls = Threads(_STORE_THREADS)

    async def answer(self, body: bytes) -> Answer:
        """Return the one answer to a request, a JSON document.

        Being cancelled ends the waiting only: the answer is stored, and the same
        request sent again gets it.
        """
        outcome, start = LEFT, time.perf_counter()
        self._watch.began()
        try:
            answer = await self._one(body)
            outcome = answer.reason or PASSED
            return answer
        finally:
            self._watch.ended(outcome, time.perf_counter() - start)

    async def _one(self, body: bytes) -> Answer:
        try:
            subject, request = read_request(body)
        except Exception as error:
            return answer_to(Subject(), _unexpected(error))
        if isinstance(request, GateError):
            return answer_to(subject, Outcome.of_error(request))
        fingerprint, task = self._task(request)
        if fingerprint != request.fingerprint:
            return answer_to(subject, _REUSED)
        return await asyncio.shield(task)

    async def call(self, work: Callable[[GateStore], T]) -> T:
        """Return what a call of the store returns; `GateError` where it does not answer."""
        return await self._write(lambda store, _: work(store))

    async def _write(self, work: Callable[[GateStore, Wanted], T]) -> T:
        """Do the same for a call that leaves nothing behind once nobody waits for it."""
        given_up = threading.Event()
        call = partial(work, self.store, lambda: not given_up.is_set())
        try:
            async with asyncio.timeout(self.settings.store_timeout_s):
                return await self._calls.run(call)
        except ValidationError as error:
            detail = "a stored gate is of another version of the mesh; define it again"
            raise GateError("invalid-gate", detail) from error
        except TimeoutError as error:
            raise _unavailable(f"no answer in {self.settings.store_timeout_s:g} s") from error
        except Exception as error:
            raise _unavailable(str(error).partition("\n")[0]) from error
        finally:
            given_up.set()

    async def close(self) -> None:
        """End what runs, each with an answer, and give the store's connections back."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.store.close()

    def _task(self, request: PublishRequest) -> tuple[str, asyncio.Task[Answer]]:
        """Return the task that answers `request`, a new one where there is none."""
        if request.request_id not in self._running:
            task = asyncio.create_task(self._answered(request, len(self._running)))
            self._running[request.request_id] = (request.fingerprint, task)
            task.add_done_callback(lambda _: self._running.pop(request.request_id, None))
        return self._running[request.request_id]

    async def _answered(self, request: PublishRequest, before: int) -> Answer:
        """Return an answer, come what may; `before` is how many requests have none yet."""
        if before >= self.settings.waiting:
            return answer_to(request.subject, _OVERLOADED)
        try:
            return await self._settle(request)
        except asyncio.CancelledError:
            return answer_to(request.subject, _INTERRUPTED)
        except Exception as error:
            return answer_to(request.subject, _unexpected(error))

    async def _settle(self, request: PublishRequest) -> Answer:
        try:
            plan = await self._plan(request)
            claim = await self._claim(request, _seconds(plan))
        except GateError as error:
            return answer_to(request.subject, Outcome.of_error(error))
        if claim.another:
            return answer_to(request.subject, _REUSED)
        if claim.answer:
            return stored_answer(claim.answer)
        outcome = Outcome.of_error(plan) if isinstance(plan, GateError) else await self._run(plan)
        return await self._stored(request, outcome)

    async def _plan(self, request: PublishRequest) -> GatePlan | GateError:
        """Return what to do, or why nothing can be done; raises `GateError` without a store."""
        try:
            gate = await self.call(lambda store: store.gate(request.name, request.version))
            return plan_of(request, gate, self.settings.timeout_s, self._roots)
        except GateError as error:
            if error.reason == "store-unavailable":
                raise
            return error

    async def _claim(self, request: PublishRequest, seconds: float) -> Claim:
        """Take the request, or wait as long as whoever has it may take."""
        held = seconds + 4 * self.settings.store_timeout_s
        while True:
            claim = await self._write(lambda store, wanted: store.claim(request, held, wanted))
            if not claim.busy:
                return claim
            await asyncio.sleep(_LOOK_S)

    async def _run(self, plan: GatePlan) -> Outcome:
        try:
            return Outcome.of_evaluations(await self._evaluations(plan))
        except GateError as error:
            return Outcome.of_error(error)
        except asyncio.CancelledError:
            return _INTERRUPTED
        except Exception as error:
            return _unexpected(error)

    async def _evaluations(self, plan: GatePlan) -> list[GateEvaluation]:
        try:
            async with asyncio.timeout(plan.timeout_s):
                return await self._runs.run_async(partial(self._evaluator.evaluate, plan))
        except TimeoutError as error:
            raise GateError(
                "timeout",
                f"no result within {plan.timeout_s:g} s; give the gate a longer timeout_s, "
                "or look why the search is slow",
            ) from error

    async def _stored(self, request: PublishRequest, outcome: Outcome) -> Answer:
        """Store the answer, in one with what was measured; a gate that leaves no trace is shut."""
        answer = answer_to(request.subject, outcome)
        settled = Settled(request.request_id, answer.to_json(), _rows(request, outcome))
        try:
            text = await self._write(lambda store, wanted: store.settle(settled, wanted))
        except GateError as error:
            return answer_to(request.subject, Outcome.of_error(error))
        return stored_answer(text) if text else answer


def _rows(request: PublishRequest, outcome: Outcome) -> list[GateRow]:
    persona = (request.persona_id, request.name, request.version)
    return [row for item in outcome.evaluations for row in item.rows(*persona)]


def _seconds(plan: GatePlan | GateError) -> float:
    return plan.timeout_s if isinstance(plan, GatePlan) else 0.0


def _unexpected(error: Exception) -> Outcome:
    _LOG.error("a gate failed", exc_info=error)
    return Outcome("internal", f"unexpected {type(error).__name__}; the log has more")


def _unavailable(reason: str) -> GateError:
    return GateError(
        "store-unavailable",
        f"the store of gates does not answer: {reason}; look at it and send the request again",
    )
