"""Embedding over HTTP, by OpenAI's protocol: TensorZero, Ollama, TEI, Infinity, vLLM, OpenAI."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrieval.chunk import JsonValue, Vectors
from retrieval.closing import Closing
from retrieval.embedding.answers import cut_and_scaled, read_vectors, require_model
from retrieval.embedding.batches import token_batches
from retrieval.embedding.model import load_tokenizer
from retrieval.embedding.providers import PROVIDERS, endpoint_of
from retrieval.errors import EmbeddingIdentityError, OverloadedError, StageError
from retrieval.identity import EmbeddingIdentity
from retrieval.loop_thread import LoopThread
from retrieval.openai.client import JsonClient
from retrieval.openai.endpoint import Endpoint
from retrieval.settings import EmbeddingSettings

if TYPE_CHECKING:
    import httpx

# What servers that refuse an empty text take in its place.
_BLANK = " "
_PROBE = "dimension"
# Ordinary words have fewer; what the tokenizer takes for one unknown token stays bounded too.
_CHARACTERS_PER_TOKEN = 16
_ASKED: dict[tuple[Endpoint, str], int] = {}


class HttpEmbedder(Closing):
    """An `Embedder` that asks the server of `settings`; also where an event loop runs.

    Texts are cut to `settings.max_tokens`, sorted by length and sent in batches, several at
    a time. Raises `InvalidInputError` for wrong settings, and `StageError` or
    `OverloadedError` where the server has to be asked for its dimension and does not answer.
    """

    def __init__(
        self, settings: EmbeddingSettings, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        self._settings = settings
        self._provider = PROVIDERS[settings.provider]
        self._client = JsonClient(endpoint_of(settings), transport)
        self._tokenizer = load_tokenizer(settings)
        self._tokenizer.enable_truncation(settings.max_tokens)
        # The dimension that the server gave first, before it is cut.
        self._given = 0
        self._loop = LoopThread("embeddings")
        try:
            self._identity = _identity(settings, settings.dimensions or self._ask_dimension())
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> EmbeddingIdentity:
        """The model behind the vectors."""
        return self._identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; returns shape (len(texts), dimension), unit length."""
        prefixed = [self._identity.query_prefix + text for text in texts]
        return self._embed(prefixed, self._settings.query_patience_ms / 1000)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; returns shape (len(texts), dimension), unit length."""
        prefixed = [self._identity.passage_prefix + text for text in texts]
        return self._embed(prefixed, self._settings.passage_patience_ms / 1000)

    def close(self) -> None:
        """Close the connections and end the thread."""
        self._loop.run(self._client.close())
        self._loop.close()

    def _ask_dimension(self) -> int:
        patience = self._settings.query_patience_ms / 1000
        return int(self._loop.run(self._call([_PROBE], patience)).shape[1])

    def _embed(self, texts: Sequence[str], patience_s: float) -> Vectors:
        dimension = self._identity.dimension
        vectors = np.empty((len(texts), dimension), dtype=np.float32)
        if texts:
            kept, lengths = self._cut(texts)
            batches = list(self._batches(lengths))
            found = self._loop.run(self._all([[kept[at] for at in b] for b in batches], patience_s))
            for batch, part in zip(batches, found, strict=True):
                vectors[batch] = cut_and_scaled(part, dimension)
        return vectors

    def _cut(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """Return the texts as far as the model reads them, and their tokens."""
        most = self._settings.max_tokens * _CHARACTERS_PER_TOKEN
        bounded = [text[:most] for text in texts]
        kept, lengths = [], []
        for text, encoding in zip(bounded, self._tokenizer.encode_batch(bounded), strict=True):
            end = max(end for _, end in encoding.offsets) if encoding.overflowing else len(text)
            kept.append(text[:end] if text[:end].strip() else _BLANK)
            lengths.append(len(encoding))
        return kept, lengths

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        most = self._settings.batch_texts or self._provider.per_call
        for batch in token_batches(lengths, self._settings.batch_tokens):
            for start in range(0, len(batch), most):
                yield batch[start : start + most]

    async def _all(self, batches: Sequence[list[str]], patience_s: float) -> list[Vectors]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._call(batch, patience_s)) for batch in batches]
        except ExceptionGroup as failed:
            # The others were given up with the first.
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _call(self, texts: list[str], patience_s: float) -> Vectors:
        settings, url = self._settings, self._client.endpoint.url
        asked = self._provider.wire_name(settings.model)
        body: dict[str, JsonValue] = {"model": asked, "input": list(texts)}
        body |= {"encoding_format": "float", **self._provider.more}
        if settings.send_dimensions and settings.dimensions:
            body["dimensions"] = settings.dimensions
        answer = await self._client.post(body, patience_s)
        names = (settings.model, asked, *filter(None, [settings.answers_as]))
        require_model(answer, names, url)
        vectors = read_vectors(answer, len(texts), url)
        self._require_dimension(vectors.shape[1])
        return vectors

    def _require_dimension(self, given: int) -> None:
        """Refuse vectors of another length than before, or too short ones, naming both."""
        self._given = self._given or given
        wanted, model = self._settings.dimensions, self._settings.model
        if given != self._given or given < wanted:
            before = f"{self._given} before" if given != self._given else f"{wanted} are wanted"
            raise EmbeddingIdentityError(
                f"{self._client.endpoint.url} gives vectors of {given} dimensions for the model "
                f"{model!r}, but {before}: it is another model now, or embedding.dimensions is "
                "wrong. Restart with the right model and run `pmoves reembed` if it has changed."
            )


def remote_identity(settings: EmbeddingSettings) -> EmbeddingIdentity:
    """Return the identity of a model over HTTP; its dimension is asked for unless it is set.

    Raises as `HttpEmbedder` does. A process asks once.
    """
    endpoint = endpoint_of(settings)
    if not settings.dimensions and (endpoint, settings.model) not in _ASKED:
        try:
            with HttpEmbedder(settings) as embedder:
                _ASKED[endpoint, settings.model] = embedder.identity.dimension
        except (StageError, OverloadedError) as error:
            raise type(error)(
                f"{error}; its dimension has to be known: set PMOVES_EMBEDDING__DIMENSIONS where "
                "the mesh shall start without the server"
            ) from error
    return _identity(settings, settings.dimensions or _ASKED[endpoint, settings.model])


def _identity(settings: EmbeddingSettings, dimension: int) -> EmbeddingIdentity:
    return EmbeddingIdentity(
        model=settings.model,
        revision=settings.revision,
        dimension=dimension,
        normalized=True,
        query_prefix=settings.query_prefix,
        passage_prefix=settings.passage_prefix,
        max_tokens=settings.max_tokens,
    )
