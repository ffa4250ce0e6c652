"""From the hits of a search to a cited answer, whole or sentence by sentence."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from retrieval.answering.drafts import Checked, Draft, check, finished_sentences
from retrieval.answering.prompt import messages_for, passages_to_read
from retrieval.answering.settings import AnswerSettings
from retrieval.answering.wire import AnswerResponse, AskedModel, Sentence
from retrieval.llm.chat import Completion, Context, Message, Usage
from retrieval.llm.client import Chat
from retrieval.llm.errors import LanguageModelError
from retrieval.llm.settings import LlmSettings
from retrieval.llm.structured import (
    Structured,
    ask,
    corrected,
    fault_of,
    following,
    read,
    schema_of,
)
from retrieval.query import Hit, SearchResponse

UNKNOWN = "The passages that were found do not say."


class Answerer:
    """Answers questions by `chat` from passages that a search has found; see `AnswerResponse`."""

    def __init__(self, chat: Chat, llm: LlmSettings, settings: AnswerSettings) -> None:
        self._chat = chat
        self._llm = llm
        self._settings = settings

    async def answer(self, found: SearchResponse, context: Context) -> AnswerResponse:
        """Return the answer to the query of `found`.

        A draft with a sentence that names no passage is asked for once more; what still
        names none is dropped. Raises `LanguageModelError` where the model gives no answer
        or is late, and as `Chat.complete`.
        """
        task = self._task(found, context)
        if task.passages:
            async with self._until(self._deadline()):
                await self._write(task)
        return task.response(self._llm)

    async def stream(
        self, found: SearchResponse, context: Context
    ) -> AsyncGenerator[Sentence | AnswerResponse, None]:
        """Yield each sentence as soon as it is whole and checked, and at last the answer.

        A sentence that names no passage is dropped; the model is asked again only where
        none was left to stand. Raises as `answer`.
        """
        task = self._task(found, context)
        if task.passages:
            async with aclosing(self._told(task)) as told:
                async for sentence in told:
                    yield sentence
        yield task.response(self._llm)

    async def _told(self, task: "_Task") -> AsyncGenerator[Sentence, None]:
        told, deadline = 0, self._deadline()
        async with aclosing(self._listen(task)) as listening:
            while True:
                # Not around the whole: who reads slowly must not be cut off in the middle.
                async with self._until(deadline):
                    sentences = await anext(listening, None)
                if sentences is None:
                    return
                for sentence in sentences[told:]:
                    yield sentence
                told = max(told, len(sentences))

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.timeout_ms / 1000

    @asynccontextmanager
    async def _until(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline):
                yield
        except TimeoutError as error:
            seconds = self._settings.timeout_ms / 1000
            told = f"the language model took longer than {seconds:g} s (answer.timeout_ms)"
            raise LanguageModelError(told) from error

    def _task(self, found: SearchResponse, context: Context) -> "_Task":
        passages = passages_to_read(found.hits, self._settings)
        return _Task(found, passages, messages_for(found.query, passages), context)

    async def _write(self, task: "_Task") -> None:
        made = await ask(self._chat, task.messages, Draft, self._llm.tries, task.context)
        task.note(made)
        if task.checked.faults and made.tries < self._llm.tries:
            await self._mend(task, made.said)

    async def _mend(self, task: "_Task", said: Completion) -> None:
        """Ask once more for a draft of which each sentence names passages that are there."""
        more = corrected(task.messages, said, "; ".join(task.checked.faults))
        task.note(await ask(self._chat, more, Draft, 1, following(task.context, said)))

    async def _listen(self, task: "_Task") -> AsyncGenerator[list[Sentence], None]:
        said: Completion | None = None
        heard = self._chat.stream(task.messages, schema_of(Draft), task.context)
        async with aclosing(heard):
            async for said in heard:
                yield check(finished_sentences(said.text), task.passages).sentences
        if said is None:
            raise LanguageModelError("the language model said nothing")
        draft = Draft(sentences=finished_sentences(said.text))
        task.note(Structured(draft, said, said.usage, 1))
        # What was told already cannot be taken back.
        fault = _fault(said) or "; ".join(task.checked.faults)
        if not fault:
            self._chat.keep(said)
        elif not task.checked.sentences:
            await self._write_again(task, said, fault)
            yield task.checked.sentences

    async def _write_again(self, task: "_Task", said: Completion, fault: str) -> None:
        if self._llm.tries > 1:
            more = corrected(task.messages, said, fault)
            context = following(task.context, said)
            task.note(await ask(self._chat, more, Draft, self._llm.tries - 1, context))
        elif _fault(said):
            raise LanguageModelError(f"the language model gave no answer of the form: {fault}")


def _fault(said: Completion) -> str:
    """Return what is wrong with the form of a draft."""
    try:
        read(said, Draft)
    except ValueError as error:
        return fault_of(error)
    return ""


@dataclass(slots=True)
class _Task:
    """One question on its way: what was found, what was asked, what came of it."""

    found: SearchResponse
    passages: list[Hit]
    messages: list[Message]
    context: Context
    checked: Checked = field(default_factory=Checked)
    said: Completion = field(default_factory=lambda: Completion(""))
    usage: Usage = field(default_factory=Usage)
    tries: int = 0
    began: float = field(default_factory=time.perf_counter)

    def note(self, made: Structured[Draft]) -> None:
        """Take up a draft, unless the one before was better."""
        self.usage += made.usage
        self.tries += made.tries
        self.said = made.said
        checked = check(made.value.sentences, self.passages)
        if len(checked.sentences) >= len(self.checked.sentences) or not checked.faults:
            self.checked = checked

    def response(self, llm: LlmSettings) -> AnswerResponse:
        """Return the answer."""
        sentences, said = self.checked.sentences, self.said
        text = " ".join(each.text for each in sentences)
        spent = (time.perf_counter() - self.began) * 1000
        asked = AskedModel(
            provider=llm.provider,
            model=said.model or llm.model,
            tries=0 if said.cached else self.tries,
            prompt_tokens=self.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens,
            inference_id=said.inference or None,
            episode_id=said.episode or None,
            cached=said.cached,
        )
        return AnswerResponse(
            query=self.found.query,
            known=bool(sentences),
            answer=text or UNKNOWN,
            sentences=sentences,
            dropped=len(self.checked.faults),
            hits=self.passages,
            llm=asked,
            degraded=self.found.degraded,
            index_version=self.found.index_version,
            timings_ms=self.found.timings_ms | {"answer": round(spent, 3)},
            request_id=self.found.request_id,
        )
