"""What is said to a language model, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from retrieval.chunk import JsonValue
from retrieval.llm.errors import LanguageModelError
from retrieval.openai.client import Answer

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One part of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a call is about, for whoever looks at calls later; models do not see it.

    An `episode` is what TensorZero called it; the calls of one task share it.
    """

    namespace: str = ""
    doc_id: str = ""
    request_id: str = ""
    episode: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    def tags(self) -> dict[str, JsonValue]:
        """Return it as tags, under the predecessor's names."""
        named = {"namespace": self.namespace, "doc_id": self.doc_id, **self.more}
        return {f"pmoves_{name}": value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens sent and received."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said; `whole` unless it was cut by the limit of its tokens.

    `inference` and `episode` are the ids that the server gave it, `key` is what the question
    is remembered by.
    """

    text: str
    usage: Usage = Usage()
    whole: bool = True
    model: str = ""
    inference: str = ""
    episode: str = ""
    cached: bool = False
    key: str = ""


def read_completion(answer: Answer, sent: int, url: str) -> Completion:
    """Return what a model said in `answer`; `sent` estimates the tokens of the question.

    Raises `LanguageModelError` where it said nothing.
    """
    choice = _first(answer.get("choices"))
    message = _object(choice.get("message"))
    text = message.get("content")
    if not isinstance(text, str) or not text.strip():
        reason = message.get("refusal") or choice.get("finish_reason") or answer.get("error")
        raise LanguageModelError(f"{url} said nothing ({str(reason)[:200]})")
    whole = choice.get("finish_reason") != "length"
    return Completion(text, read_usage(answer, sent, text), whole, *ids(answer))


def ids(answer: Answer) -> tuple[str, str, str]:
    """Return the model and the ids of call and episode that an answer, or a part of one, names."""
    model, inference, episode = (
        str(answer.get(name) or "") for name in ("model", "id", "episode_id")
    )
    return model, inference, episode


def read_usage(answer: Answer, sent: int, text: str) -> Usage:
    """Return the tokens of a call, estimated where the server does not count."""
    used = _object(answer.get("usage"))
    prompt, completion = used.get("prompt_tokens"), used.get("completion_tokens")
    return Usage(
        prompt if isinstance(prompt, int) else sent,
        completion if isinstance(completion, int) else estimated_tokens(text),
    )


def estimated_tokens(text: str) -> int:
    """Guess the tokens of `text`; four characters make one."""
    return len(text) // 4 + 1


def _first(choices: JsonValue) -> dict[str, JsonValue]:
    return _object(choices[0] if isinstance(choices, list) and choices else None)


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
