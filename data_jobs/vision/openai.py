"""Vision models behind OpenAI's protocol: vLLM, Ollama, TensorZero, hosted ones.

POST {url}/chat/completions, https://platform.openai.com/docs/api-reference/chat.
"""

import base64
import time

import httpx
from pydantic import BaseModel, ValidationError

from data_jobs.vision.base import VisionError
from data_jobs.vision.settings import VisionSettings

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_PAUSE_S = 1.0
# Not about this picture, but about us: the next one would fare no better.
_OUR_FAULT = frozenset({401, 402, 403, 404, 405})
_MOST_BYTES = 2**20


class _Message(BaseModel):
    content: str | None


class _Choice(BaseModel):
    message: _Message


class _Answer(BaseModel):
    choices: list[_Choice]


class OpenAiDescriber:
    """A `PictureDescriber` that asks the endpoint of `settings`, twice where it is busy."""

    def __init__(
        self,
        settings: VisionSettings,
        pause_s: float = _PAUSE_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        key = settings.api_key.get_secret_value()
        self.name = settings.model
        self._settings = settings
        self._pause_s = pause_s
        self._http = httpx.Client(
            base_url=settings.url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=settings.seconds,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._http.close()

    def describe(self, picture: bytes) -> str:
        """Return what a JPEG shows; raises `VisionError`."""
        body = self._body(base64.b64encode(picture).decode())
        answer = self._post(body)
        if answer.status_code in _AGAIN:
            time.sleep(self._pause_s)
            answer = self._post(body)
        if answer.is_error or len(answer.content) > _MOST_BYTES:
            lasting = answer.status_code not in _AGAIN | _OUR_FAULT
            raise VisionError(f"the vision model answered {answer.status_code}", lasting=lasting)
        try:
            found = _Answer.model_validate_json(answer.content)
            return (found.choices[0].message.content or "").strip()
        except (ValidationError, IndexError) as error:
            raise VisionError("the vision model's answer has no `choices[0].message`") from error

    def _post(self, body: dict[str, object]) -> httpx.Response:
        try:
            return self._http.post("/chat/completions", json=body)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise VisionError(f"the vision model cannot be reached: {kind}") from error

    def _body(self, picture: str) -> dict[str, object]:
        url = {"url": f"data:image/jpeg;base64,{picture}"}
        parts = [
            {"type": "text", "text": self._settings.prompt},
            {"type": "image_url", "image_url": url},
        ]
        return {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": parts}],
            "max_tokens": self._settings.max_tokens,
            "temperature": 0,
        }
