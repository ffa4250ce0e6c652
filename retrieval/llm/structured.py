"""Answers of a form: asked for, checked, and asked for again where they lack it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from retrieval.llm.chat import Completion, Context, Message, Usage
from retrieval.llm.client import NO_CONTEXT, Chat, JsonSchema
from retrieval.llm.errors import LanguageModelError

M = TypeVar("M", bound=BaseModel)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_MOST_SAID = 500


@dataclass(frozen=True, slots=True)
class Structured(Generic[M]):
    """A checked answer, after so many `tries`, with the tokens of all of them."""

    value: M
    said: Completion
    usage: Usage
    tries: int


async def ask(
    chat: Chat,
    messages: Sequence[Message],
    kind: type[M],
    tries: int,
    context: Context = NO_CONTEXT,
) -> Structured[M]:
    """Return the answer of `chat` as a `kind`, asking up to `tries` times.

    A model is told what was wrong with its last answer. Raises `LanguageModelError` where
    none has the form, and as `Chat.complete`.
    """
    usage, asked, fault = Usage(), list(messages), ""
    for number in range(1, tries + 1):
        said = await chat.complete(asked, schema_of(kind), context)
        usage += said.usage
        context = following(context, said)
        try:
            value = read(said, kind)
        except ValueError as error:
            fault = fault_of(error)
            asked = corrected(messages, said, fault)
        else:
            chat.keep(said)
            return Structured(value, said, usage, number)
    raise LanguageModelError(f"the language model gave no answer of the form: {fault}")


def schema_of(kind: type[BaseModel]) -> JsonSchema:
    """Return the JSON schema of `kind` in one piece, since not every server follows references."""
    schema = kind.model_json_schema()
    parts = schema.pop("$defs", {})
    found: JsonSchema = _inlined(schema, parts)
    return found


def _inlined(value: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    if reference := value.get("$ref"):
        return _inlined(parts[reference.rpartition("/")[2]], parts)
    # The name of a field may be "title", too; then it holds a schema.
    return {
        key: _inlined(item, parts)
        for key, item in value.items()
        if key != "title" or isinstance(item, dict)
    }


def read(said: Completion, kind: type[M]) -> M:
    """Return what was said as a `kind`; `ValueError` where it is none.

    JSON in a fence or between words counts; of an answer that was cut, what is whole.
    """
    found = from_json(_json_in(said.text), allow_partial=not said.whole)
    return kind.model_validate(found)


def following(context: Context, said: Completion) -> Context:
    """Return the context of the next call of the same task."""
    return replace(context, episode=said.episode or context.episode)


def corrected(messages: Sequence[Message], said: Completion, fault: str) -> list[Message]:
    """Return the chat that goes on after a bad answer."""
    told = f"That cannot be used: {fault}. Answer again, with JSON of the form and nothing else."
    return [*messages, Message("assistant", said.text), Message("user", told)]


def fault_of(error: ValueError) -> str:
    """Return in a few words what was wrong."""
    if not isinstance(error, ValidationError):
        return f"it is no JSON ({str(error)[:100]})"
    faults = [
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        for each in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(faults)[:_MOST_SAID]


def _json_in(text: str) -> str:
    if fenced := _FENCED.search(text):
        text = fenced[1]
    start = text.find("{")
    end = text.rfind("}")
    if start < 0:
        return text
    return text[start : end + 1] if end > start and text[end + 1 :].strip() else text[start:]
