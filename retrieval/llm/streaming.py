"""Reading an answer that comes in parts, as server-sent events."""

import json

from retrieval.chunk import JsonValue
from retrieval.llm.chat import Completion, Usage, ids, read_usage
from retrieval.llm.errors import LanguageModelError
from retrieval.openai.client import Answer

_DATA = "data:"


class Heard:
    """What was heard of an answer from `url`; `sent` estimates the tokens of the question."""

    def __init__(self, url: str, sent: int) -> None:
        self._url = url
        self._sent = sent
        self._text = ""
        self._usage: Answer = {}
        self._ids = ("", "", "")
        self._finish: JsonValue = None

    def take(self, line: str) -> bool:
        """Take one line; say whether the text has grown. Raises `LanguageModelError`."""
        if not line.startswith(_DATA):
            return False
        data = line.removeprefix(_DATA).strip()
        if data == "[DONE]":
            return False
        try:
            part = json.loads(data)
        except ValueError as error:
            raise LanguageModelError(f"{self._url} sent an event that is no JSON") from error
        if not isinstance(part, dict) or part.get("error"):
            raise LanguageModelError(f"{self._url} broke off: {str(part)[:200]}")
        return self._add(part)

    def so_far(self) -> Completion:
        """Return what is there; its usage is not known yet."""
        return Completion(self._text, Usage(), False, *self._ids)

    def whole(self) -> Completion:
        """Return the answer now that it is over; `LanguageModelError` where it is not."""
        if self._finish is None or not self._text.strip():
            reason = f"({self._finish})" if self._finish else "before it was done"
            raise LanguageModelError(f"{self._url} ended its answer {reason}")
        usage: Usage = read_usage(self._usage, self._sent, self._text)
        return Completion(self._text, usage, self._finish != "length", *self._ids)

    def _add(self, part: Answer) -> bool:
        model, inference, episode = ids(part)
        before = self._ids
        self._ids = model or before[0], inference or before[1], episode or before[2]
        if part.get("usage"):
            self._usage = part
        choices = part.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        if not isinstance(choice, dict):
            return False
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        said = delta.get("content") if isinstance(delta, dict) else None
        if not isinstance(said, str) or not said:
            return False
        self._text += said
        return True
