"""Vision models behind OpenAI's protocol: vLLM, Ollama, TensorZero, hosted ones.

POST {url}/chat/completions, https://platform.openai.com/docs/api-reference/chat.
"""

import base64
from typing import TYPE_CHECKING

from data_jobs.vision.base import VisionError
from data_jobs.vision.settings import VisionSettings
from retrieval.chunk import JsonValue
from retrieval.errors import OverloadedError, StageError
from retrieval.llm.chat import read_completion
from retrieval.llm.errors import LanguageModelError
from retrieval.loop_thread import LoopThread
from retrieval.openai.client import JsonClient
from retrieval.openai.endpoint import Endpoint, call_url
from retrieval.openai.errors import RefusedError

if TYPE_CHECKING:
    import httpx

# Not about this picture, but about the server or us: the next one would fare no better.
_NOT_THE_PICTURE = frozenset({401, 402, 403, 404, 405, 408, 409, 425, 500, 502, 504})


class OpenAiDescriber:
    """A `PictureDescriber` that asks the endpoint of `settings`, twice where it is busy."""

    def __init__(
        self, settings: VisionSettings, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        self.name = settings.model
        self._settings = settings
        self._client = JsonClient(_endpoint(settings), transport)
        self._loop = LoopThread("vision")

    def close(self) -> None:
        """Close the connections and end the thread."""
        self._loop.run(self._client.close())
        self._loop.close()

    def describe(self, picture: bytes) -> str:
        """Return what a JPEG shows; raises `VisionError`."""
        body = self._body(base64.b64encode(picture).decode())
        try:
            answer = self._loop.run(self._client.post(body, self._settings.seconds))
        except (StageError, OverloadedError) as error:
            lasting = isinstance(error, RefusedError) and error.status not in _NOT_THE_PICTURE
            raise VisionError(str(error), lasting=lasting) from error
        try:
            return read_completion(answer, 0, self._client.endpoint.url).text.strip()
        except LanguageModelError as error:
            # A model that has chosen to say nothing would do so again.
            raise VisionError(str(error), lasting=bool(answer.get("choices"))) from error

    def _body(self, picture: str) -> dict[str, JsonValue]:
        url: JsonValue = {"url": f"data:image/jpeg;base64,{picture}"}
        parts: list[JsonValue] = [
            {"type": "text", "text": self._settings.prompt},
            {"type": "image_url", "image_url": url},
        ]
        return {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": parts}],
            "max_tokens": self._settings.max_tokens,
            "temperature": 0,
        }


def _endpoint(settings: VisionSettings) -> Endpoint:
    return Endpoint(
        url=call_url(settings.url, "/v1", "/chat/completions"),
        key="PMOVES_INGEST__VISION__API_KEY",
        api_key=settings.api_key.get_secret_value(),
        timeout_s=settings.seconds,
        retries=1,
    )
