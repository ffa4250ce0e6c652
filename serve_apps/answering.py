"""Answers of a gateway: the language model behind a circuit breaker, counted."""

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from retrieval.answering.answerer import Answerer
from retrieval.answering.wire import AnswerResponse, Sentence
from retrieval.circuit import CircuitBreaker
from retrieval.llm.chat import Completion, Context, Message
from retrieval.llm.client import NO_CONTEXT, HttpChat, JsonSchema
from retrieval.query import SearchResponse
from serve_apps.metered import reason_of
from serve_apps.metrics import Metrics
from serve_apps.settings import AppArgs


class Answering:
    """Answers questions, and counts what became of them."""

    def __init__(self, chat: HttpChat, settings: AppArgs, metrics: Metrics) -> None:
        self._chat = chat
        self._metrics = metrics
        guarded = GuardedChat(chat, settings, metrics)
        self._answerer = Answerer(guarded, settings.llm, settings.answer)

    async def answer(self, found: SearchResponse, context: Context) -> AnswerResponse:
        """Return an answer; see `Answerer.answer`."""
        with self._counted():
            made = await self._answerer.answer(found, context)
        self._count(made)
        return made

    async def stream(
        self, found: SearchResponse, context: Context
    ) -> AsyncGenerator[Sentence | AnswerResponse, None]:
        """Yield an answer as it comes; see `Answerer.stream`."""
        with self._counted():
            async with aclosing(self._answerer.stream(found, context)) as parts:
                async for part in parts:
                    yield part
        # The last one is the whole answer.
        if isinstance(part, AnswerResponse):
            self._count(part)

    def clear(self) -> None:
        """Forget what the model has said."""
        self._chat.clear()

    async def close(self) -> None:
        """Close the connections."""
        await self._chat.close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count what ends without an answer."""
        outcome = "left"
        try:
            yield
            outcome = ""
        except Exception:
            outcome = "failed"
            raise
        finally:
            if outcome:
                self._metrics.count("pmoves_answers_total", outcome)

    def _count(self, made: AnswerResponse) -> None:
        self._metrics.count("pmoves_answers_total", "answered" if made.known else "unknown")
        self._metrics.count("pmoves_answer_sentences_dropped_total", by=made.dropped)


class GuardedChat:
    """A `Chat` that is refused at once while `chat` does not answer, and metered."""

    def __init__(self, chat: HttpChat, settings: AppArgs, metrics: Metrics) -> None:
        self._chat = chat
        self._metrics = metrics
        self._circuit = CircuitBreaker(
            "language model",
            chat.ready,
            settings.serve.llm_patience_ms / 1000,
            settings.serve.llm_retry_ms / 1000,
            lambda is_open: metrics.set("pmoves_llm_circuit_open", is_open),
        )

    async def complete(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> Completion:
        """Return what the model says; raises `CircuitOpenError` as soon as it is given up."""
        began = time.perf_counter()
        try:
            said = await self._circuit.call(lambda: self._chat.complete(messages, schema, context))
        except BaseException as error:
            self._metrics.count("pmoves_llm_errors_total", reason_of(error))
            raise
        self._note(said, began)
        return said

    async def stream(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> AsyncGenerator[Completion, None]:
        """Yield what the model has said so far."""
        began, said = time.perf_counter(), Completion("")
        try:
            self._circuit.check()
            async with aclosing(self._chat.stream(messages, schema, context)) as parts:
                async for said in parts:
                    yield said
        except Exception as error:
            self._circuit.doubt()
            self._metrics.count("pmoves_llm_errors_total", reason_of(error))
            raise
        self._note(said, began)

    def keep(self, said: Completion) -> None:
        """Remember `said`."""
        self._chat.keep(said)

    def _note(self, said: Completion, began: float) -> None:
        if said.cached:
            self._metrics.count("pmoves_llm_cached_total")
            return
        self._metrics.observe("pmoves_llm_seconds", seconds=time.perf_counter() - began)
        self._metrics.count("pmoves_llm_tokens_total", "sent", by=said.usage.prompt_tokens)
        received = said.usage.completion_tokens
        self._metrics.count("pmoves_llm_tokens_total", "received", by=received)


def make_answering(settings: AppArgs, metrics: Metrics) -> Answering | None:
    """Return what answers; None where there is no language model.

    Raises `InvalidInputError` for settings that cannot work.
    """
    if not settings.llm.configured:
        return None
    return Answering(HttpChat(settings.llm), settings, metrics)
