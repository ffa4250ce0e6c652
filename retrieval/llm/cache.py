"""Answers that are known already."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from retrieval.chunk import JsonValue
from retrieval.ids import content_hash
from retrieval.llm.chat import Completion, Usage


class AnswerCache:
    """The answers that were asked for last, at most `entries`; use it in one thread.

    An answer belongs to all that was sent: another passage, model or limit is another question.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._answers: OrderedDict[str, Completion] = OrderedDict()

    def find(self, key: str) -> Completion | None:
        """Return the known answer, which costs nothing any more."""
        if (found := self._answers.get(key)) is None:
            return None
        self._answers.move_to_end(key)
        return replace(found, cached=True, usage=Usage())

    def add(self, key: str, answer: Completion) -> None:
        """Keep `answer`, and forget what was asked for longest ago."""
        self._answers[key] = answer
        while len(self._answers) > self._entries:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()


def answer_key(url: str, body: Mapping[str, JsonValue]) -> str:
    """Return the key of the answer to `body`."""
    return content_hash(url, json.dumps(dict(body), sort_keys=True))
