"""Answers of a program that has everything in one process."""

from retrieval.answering.answerer import Answerer
from retrieval.answering.wire import AnswerResponse
from retrieval.errors import InvalidInputError
from retrieval.llm.chat import Context
from retrieval.llm.client import HttpChat
from retrieval.query import SearchResponse
from retrieval.settings import LibrarySettings

HOW_TO_TURN_ON = (
    "There is no language model here, so nothing is answered; /hirag/query and `pmoves search` "
    "find passages without one. PMOVES_LLM__PROVIDER, PMOVES_LLM__MODEL and what the provider "
    "needs turn answers on."
)


class InProcessAnswering:
    """The answers that `settings` ask for; use it from one event loop.

    Raises `InvalidInputError` where the settings name no language model, or cannot work.
    """

    def __init__(self, settings: LibrarySettings) -> None:
        if not settings.llm.configured:
            raise InvalidInputError(HOW_TO_TURN_ON)
        self._chat = HttpChat(settings.llm)
        self._answerer = Answerer(self._chat, settings.llm, settings.answer)

    async def answer(self, found: SearchResponse) -> AnswerResponse:
        """Return an answer from what a search has found, and close the connections."""
        try:
            return await self._answerer.answer(found, Context(more={"kind": "answer"}))
        finally:
            await self._chat.close()
