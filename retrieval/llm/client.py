"""Asking a language model by `POST /v1/chat/completions`."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from retrieval.chunk import JsonValue
from retrieval.llm.budget import TokenBudget
from retrieval.llm.cache import AnswerCache, answer_key
from retrieval.llm.chat import Completion, Context, Message, estimated_tokens, read_completion
from retrieval.llm.providers import endpoint_of, provider_of
from retrieval.llm.settings import LlmSettings
from retrieval.llm.streaming import Heard
from retrieval.openai.client import JsonClient
from retrieval.openai.pacing import Sleep

if TYPE_CHECKING:
    import httpx

JsonSchema = dict[str, JsonValue]
NO_CONTEXT = Context()


class Chat(Protocol):
    """A language model that many callers share; no tools are ever offered to it."""

    async def complete(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> Completion:
        """Return what the model says to `messages`, in a form that `schema` describes.

        Raises `LanguageModelError`, `StageError` or `OverloadedError` where it says nothing.
        The form is asked for, not checked.
        """
        ...

    def stream(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> AsyncGenerator[Completion, None]:
        """Yield what the model has said so far, each time all of it; raises as `complete`."""
        ...

    def keep(self, said: Completion) -> None:
        """Remember `said`, which has proved good, as the answer to its question."""
        ...


class HttpChat:
    """A `Chat` with the model of `settings`; use it from one event loop.

    Raises `InvalidInputError` for settings that cannot work. `in_all` tokens end it for good.
    """

    def __init__(
        self,
        settings: LlmSettings,
        transport: "httpx.AsyncBaseTransport | None" = None,
        sleep: Sleep = asyncio.sleep,
        in_all: int = 0,
    ) -> None:
        self._settings = settings
        self._provider = provider_of(settings)
        self._client = JsonClient(endpoint_of(settings), transport, sleep)
        self._cache = AnswerCache(settings.cache_entries)
        self.budget = TokenBudget(settings.tokens_per_hour, in_all)

    async def complete(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> Completion:
        """Return what the model says."""
        body = self._body(messages, schema)
        key = answer_key(self._client.endpoint.url, body)
        if known := self._cache.find(key):
            return known
        self.budget.require()
        answer = await self._client.post(body | self._tagged(context), *self._manner(context))
        said = read_completion(answer, _sent(messages), self._client.endpoint.url)
        self.budget.spend(said.usage.total)
        return replace(said, key=key)

    async def stream(
        self, messages: Sequence[Message], schema: JsonSchema, context: Context = NO_CONTEXT
    ) -> AsyncGenerator[Completion, None]:
        """Yield what the model has said so far."""
        body, url = self._body(messages, schema), self._client.endpoint.url
        key = answer_key(url, body)
        if known := self._cache.find(key):
            yield known
            return
        self.budget.require()
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        heard = Heard(url, _sent(messages))
        async with self._client.stream(
            body | self._tagged(context), *self._manner(context)
        ) as lines:
            async for line in lines:
                if heard.take(line):
                    yield heard.so_far()
        said = heard.whole()
        self.budget.spend(said.usage.total)
        yield replace(said, key=key)

    def keep(self, said: Completion) -> None:
        """Remember `said`, unless it was cut."""
        if said.whole and said.key:
            self._cache.add(said.key, said)

    async def ready(self) -> None:
        """Ask for one token, past cache and budget; raises where there is no answer."""
        settings = self._settings
        body: dict[str, JsonValue] = {
            "model": self._provider.wire_name(settings.model),
            "messages": [{"role": "user", "content": "Say: ready"}],
            self._provider.most: 16,
        }
        await self._client.post(body, 1.0)

    def clear(self) -> None:
        """Forget all answers."""
        self._cache.clear()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _body(self, messages: Sequence[Message], schema: JsonSchema) -> dict[str, JsonValue]:
        settings = self._settings
        body: dict[str, JsonValue] = {
            "model": self._provider.wire_name(settings.model),
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            self._provider.most: settings.max_tokens,
        }
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.output == "json":
            body["response_format"] = {"type": "json_object"}
        elif settings.output == "schema":
            described: JsonValue = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        return body

    def _tagged(self, context: Context) -> dict[str, JsonValue]:
        if self._settings.provider != "tensorzero":
            return {}
        tags: dict[str, JsonValue] = {**self._settings.tags, **context.tags()}
        found: dict[str, JsonValue] = {"tensorzero::tags": tags} if tags else {}
        return found | ({"tensorzero::episode_id": context.episode} if context.episode else {})

    def _manner(self, context: Context) -> tuple[float, dict[str, str]]:
        headers = {"X-Request-ID": context.request_id} if context.request_id else {}
        return self._settings.patience_ms / 1000, headers


def _sent(messages: Sequence[Message]) -> int:
    return estimated_tokens(json.dumps([each.content for each in messages], ensure_ascii=False))
