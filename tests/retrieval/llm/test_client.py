"""Language models over HTTP: what each provider is sent, what is refused, what is spent."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict

from retrieval.errors import InvalidInputError, OverloadedError, StageError
from retrieval.llm.chat import Completion, Context, Message, Usage
from retrieval.llm.client import HttpChat
from retrieval.llm.errors import BudgetSpentError, LanguageModelError
from retrieval.llm.providers import PROVIDERS, endpoint_of
from retrieval.llm.settings import LlmSettings
from retrieval.llm.structured import ask, schema_of
from tests.openai_server import OpenAiServer, completion

SCHEMA: dict[str, Any] = {"type": "object"}
ASKED = [Message("system", "Answer."), Message("user", "How hot?")]
HOSTED = {
    "openai": "https://api.openai.com/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "groq": "https://api.groq.com/openai/v1/chat/completions",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    "cloudflare": "https://api.cloudflare.com/client/v4/accounts/acc-1/ai/v1/chat/completions",
}
OWN = {
    "tensorzero": "http://llm.test/openai/v1/chat/completions",
    "ollama": "http://llm.test/v1/chat/completions",
    "vllm": "http://llm.test/v1/chat/completions",
}


def settings(provider: str = "openai", **fields: Any) -> LlmSettings:
    """Return settings of a model whose calls fail fast."""
    given = {"provider": provider, "model": "m-1", "account_id": "acc-1", "retries": 0}
    return LlmSettings.model_validate(given | fields)


def chat(
    server: OpenAiServer, provider: str = "openai", in_all: int = 0, **fields: Any
) -> HttpChat:
    """Return a client of `server`."""
    url = "" if provider in HOSTED else "http://llm.test"
    made = settings(provider, **{"url": url} | fields)
    return HttpChat(made, server.transport(), in_all=in_all)


def saying(*texts: str | httpx.Response, **fields: Any) -> OpenAiServer:
    """Return a server that says one text after the other, the last for ever."""
    left = list(texts)
    return OpenAiServer(reply=lambda _: left.pop(0) if len(left) > 1 else left[0], **fields)


async def heard(model: HttpChat, messages: Sequence[Message] = ASKED) -> list[Completion]:
    """Return all that is yielded while the model speaks."""
    return [part async for part in model.stream(messages, SCHEMA)]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_each_provider_is_asked_at_its_address_by_its_name(provider: str) -> None:
    server = saying("80 degrees", key="k-1")
    said = await chat(server, provider, api_key="k-1").complete(ASKED, SCHEMA)
    assert (said.text, said.whole, said.cached) == ("80 degrees", True, False)
    assert said.usage == Usage(prompt_tokens=3, completion_tokens=2)
    url = (HOSTED | OWN)[provider]
    assert (
        endpoint_of(settings(provider, url="" if provider in HOSTED else "http://llm.test")).url
        == url
    )
    (call,) = server.calls
    assert call.path == httpx.URL(url).path
    assert call.headers["authorization"] == "Bearer k-1"
    names = {"tensorzero": "tensorzero::model_name::m-1"}
    assert call.body["model"] == names.get(provider, "m-1")
    most = "max_completion_tokens" if provider in ("openai", "groq") else "max_tokens"
    assert call.body[most] == 1_024
    assert call.body["temperature"] == 0
    assert [each["role"] for each in call.body["messages"]] == ["system", "user"]
    assert call.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "tools" not in call.body
    with pytest.raises(StageError, match=r"does not take the key \(401\).*PMOVES_LLM__API_KEY"):
        await chat(server, provider).complete(ASKED, SCHEMA)


async def test_tensorzero_gets_tags_request_and_episode() -> None:
    server = saying("yes")
    tensorzero = chat(server, "tensorzero", tags={"team": "studio"}, cache_entries=0)
    context = Context("pmoves", "doc", "request-1", more={"kind": "answer"})
    said = await tensorzero.complete(ASKED, SCHEMA, context)
    assert (said.inference, said.episode) == ("chatcmpl-1", "episode-1")
    (call,) = server.calls
    assert call.body["tensorzero::tags"] == {
        "team": "studio",
        "pmoves_namespace": "pmoves",
        "pmoves_doc_id": "doc",
        "pmoves_kind": "answer",
    }
    assert "tensorzero::episode_id" not in call.body
    assert call.headers["x-request-id"] == "request-1"
    await tensorzero.complete(ASKED, SCHEMA, Context(episode=said.episode))
    assert server.calls[1].body["tensorzero::episode_id"] == "episode-1"
    own = chat(server, "tensorzero", model="tensorzero::function_name::answers")
    await own.complete(ASKED, SCHEMA)
    assert server.calls[2].body["model"] == "tensorzero::function_name::answers"


async def test_nobody_else_gets_tags() -> None:
    server = saying("yes")
    await chat(server, tags={"team": "studio"}).complete(ASKED, SCHEMA, Context("pmoves"))
    assert not [name for name in server.calls[0].body if "tensorzero" in name]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"output": "json"}, {"response_format": {"type": "json_object"}, "temperature": 0.0}),
        ({"output": "prompt"}, {"temperature": 0.0}),
        ({"output": "prompt", "temperature": None}, {}),
    ],
)
async def test_the_form_is_asked_for_as_the_server_understands(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    server = saying("yes")
    await chat(server, **fields).complete(ASKED, SCHEMA)
    body = server.calls[0].body
    assert {name: body[name] for name in ("response_format", "temperature") if name in body} == sent


async def test_an_answer_comes_in_parts() -> None:
    server = saying("water of eighty degrees", piece=5)
    parts = await heard(model := chat(server, "vllm"))
    assert [part.text for part in parts[:2]] == ["water", "water of e"]
    assert (parts[-1].text, parts[-1].whole) == ("water of eighty degrees", True)
    assert parts[-1].usage == Usage(3, 5)
    model.keep(parts[-1])
    (again,) = await heard(model)
    assert (again.text, again.cached, len(server.calls)) == (parts[-1].text, True, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data: no\n\n", "sent an event that is no JSON"),
        ('data: {"error": {"message": "out of memory"}}\n\n', "broke off.*out of memory"),
        ('data: {"choices": [{"delta": {"content": "wa"}}]}\n\n', "ended its answer before it"),
        ('data: {"choices": [{"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n', r"answer \(stop\)"),
        (": only a comment\n\n", "ended its answer before it was done"),
    ],
)
async def test_a_stream_that_breaks_off_is_no_answer(content: str, message: str) -> None:
    with pytest.raises(LanguageModelError, match=message):
        await heard(chat(saying(httpx.Response(200, text=content))))


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (httpx.Response(200, json={"choices": []}), LanguageModelError, "said nothing"),
        (
            httpx.Response(200, json={"choices": [{"message": {"refusal": "I will not"}}]}),
            LanguageModelError,
            "I will not",
        ),
        (
            httpx.Response(200, json={"choices": [{"message": {"content": " "}}]}),
            LanguageModelError,
            "said nothing",
        ),
        (httpx.Response(404, json={"error": "no model m-1"}), StageError, "404.*no model m-1"),
        (httpx.Response(429), OverloadedError, r"too much to do \(429\)"),
    ],
)
async def test_no_answer_is_told(
    answer: httpx.Response, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await chat(saying(answer)).complete(ASKED, SCHEMA)
    if answer.is_error:
        with pytest.raises(kind, match=message):
            await heard(chat(saying(answer)))


async def test_a_call_that_failed_for_now_is_made_again() -> None:
    server = saying("yes")
    server.failures = [httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(429)]
    said = await chat(server, retries=2).complete(ASKED, SCHEMA)
    assert (said.text, len(server.calls)) == ("yes", 3)


async def test_what_was_asked_before_is_not_asked_again() -> None:
    server = saying("one", "two")
    model = chat(server, cache_entries=1)
    first = await model.complete(ASKED, SCHEMA, Context(request_id="a"))
    model.keep(first)
    again = await model.complete(ASKED, SCHEMA, Context(request_id="b"))
    assert (again.text, again.cached, again.usage) == (first.text, True, Usage())
    model.keep(other := await model.complete(ASKED[1:], SCHEMA))
    assert other.text == "two"
    assert not (await model.complete(ASKED, SCHEMA)).cached
    assert (await model.complete(ASKED[1:], SCHEMA)).cached
    model.clear()
    assert not (await model.complete(ASKED[1:], SCHEMA)).cached


async def test_spent_tokens_end_the_calls() -> None:
    server = saying("word " * 40)
    model = chat(server, cache_entries=0, tokens_per_hour=60)
    await model.complete(ASKED, SCHEMA)
    await heard(model)
    assert model.budget.total == 106
    with pytest.raises(BudgetSpentError, match=r"60 tokens of llm\.tokens_per_hour .* 3\d\d\d s"):
        await model.complete(ASKED, SCHEMA)
    with pytest.raises(BudgetSpentError, match="tokens_per_hour"):
        await heard(model)
    once = chat(server, cache_entries=0, in_all=50)
    await once.complete(ASKED, SCHEMA)
    with pytest.raises(
        BudgetSpentError, match=r"50 tokens of llm\.tokens_per_job are spent \(53\)"
    ):
        await once.complete(ASKED, SCHEMA)


async def test_being_ready_takes_one_short_call() -> None:
    server = saying("ready")
    model = chat(server)
    await model.ready()
    await model.ready()
    assert [call.body["max_completion_tokens"] for call in server.calls] == [16, 16]
    await model.close()
    assert model.budget.total == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"provider": "rules"}, r"llm\.provider: 'rules' names no language model"),
        ({"model": ""}, r"llm\.model: the provider 'openai' needs"),
        ({"provider": "ollama"}, r"llm\.url: the provider 'ollama' needs"),
        ({"provider": "cloudflare", "account_id": ""}, r"llm\.account_id: 'cloudflare' needs"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        HttpChat(settings(**fields))


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("tz", "tensorzero"),
        ("Workers-AI", "cloudflare"),
        ("workers", "cloudflare"),
        ("rule", "rules"),
    ],
)
def test_names_of_the_predecessor_are_understood(name: str, provider: str) -> None:
    assert LlmSettings.model_validate({"provider": name}).provider == provider


class Line(BaseModel):
    """A line of a form."""

    model_config = ConfigDict(extra="forbid")
    title: str
    number: int


class Form(BaseModel):
    """A form with lines."""

    model_config = ConfigDict(extra="forbid")
    lines: list[Line]


GOOD = '{"lines": [{"title": "a", "number": 1}]}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here you are:\n{GOOD}\nAnything else?",
        f"<think>hm</think>{GOOD}",
    ],
)
async def test_a_form_is_read_wherever_it_stands(text: str) -> None:
    found = await ask(chat(saying(text)), ASKED, Form, 1)
    assert found.value.lines[0].number == 1
    assert found.tries == 1


async def test_a_model_is_told_what_is_wrong_and_asked_again() -> None:
    server = saying("I would rather not", '{"lines": [{"title": "a", "number": "one"}]}', GOOD)
    tensorzero = chat(server, "tensorzero")
    found = await ask(tensorzero, ASKED, Form, 3)
    assert (found.tries, found.value.lines[0].title) == (3, "a")
    last = server.calls[-1].body
    assert [each["role"] for each in last["messages"]] == ["system", "user", "assistant", "user"]
    assert "lines.0.number: Input should be a valid integer" in last["messages"][-1]["content"]
    assert last["tensorzero::episode_id"] == "episode-1"
    assert found.usage.total == tensorzero.budget.total > found.said.usage.total


async def test_after_the_last_try_there_is_no_answer() -> None:
    server = saying('{"lines": 1}')
    with pytest.raises(LanguageModelError, match="no answer of the form: lines: Input should be"):
        await ask(chat(server), ASKED, Form, 2)
    assert len(server.calls) == 2


async def test_an_answer_that_was_cut_counts_as_far_as_it_is_whole() -> None:
    def cut(body: Any) -> httpx.Response:
        found = completion('{"lines": [{"title": "a", "number": 1}], "mor', body).json()
        found["choices"][0]["finish_reason"] = "length"
        return httpx.Response(200, json=found)

    found = await ask(chat(OpenAiServer(reply=cut)), ASKED, Form, 1)
    assert (found.said.whole, len(found.value.lines)) == (False, 1)


def test_a_schema_is_in_one_piece() -> None:
    schema = schema_of(Form)
    assert "$ref" not in str(schema)
    line: Any = schema["properties"]["lines"]["items"]  # type: ignore[index,call-overload]
    assert line["properties"]["title"] == {"type": "string"}
    assert line["additionalProperties"] is False
