"""Servers that embed by OpenAI's protocol, and where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrieval.chunk import JsonValue
from retrieval.errors import InvalidInputError
from retrieval.openai.endpoint import Endpoint, call_url
from retrieval.settings import EmbeddingSettings

_CALL = "/embeddings"


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of server.

    `prefix` stands before the path of a call, `per_call` is how many texts it takes, and
    `family` what it wants before the name of a model. `more` goes with every call.
    """

    prefix: str
    per_call: int
    address: str = ""
    family: str = ""
    more: Mapping[str, JsonValue] = field(default_factory=dict)

    def wire_name(self, model: str) -> str:
        """Return the name of `model` as it is sent."""
        return model if model.startswith(self.family) else self.family + model


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("/v1", 256, address="https://api.openai.com"),
    "tensorzero": Provider("/openai/v1", 64, family="tensorzero::embedding_model_name::"),
    "ollama": Provider("/v1", 64),
    # Its own limit of a batch from a client, unless it was started with another.
    "tei": Provider("/v1", 32),
    "infinity": Provider("", 32),
    # What is longer than the model reads is cut, as the other servers do.
    "vllm": Provider("/v1", 64, more={"truncate_prompt_tokens": -1}),
}


def endpoint_of(settings: EmbeddingSettings) -> Endpoint:
    """Return where `settings` say that texts are embedded.

    Raises `InvalidInputError` where the address or the model is missing.
    """
    provider = PROVIDERS[settings.provider]
    address = settings.url or provider.address
    if not address:
        raise InvalidInputError(
            f"embedding.url: the provider {settings.provider!r} needs the address of its server"
        )
    if settings.model == "packaged":
        raise InvalidInputError(
            f"embedding.model: name the model that {address} shall embed with; 'packaged' is local"
        )
    return Endpoint(
        url=call_url(address, provider.prefix, _CALL),
        key="PMOVES_EMBEDDING__API_KEY",
        api_key=settings.api_key.get_secret_value(),
        timeout_s=settings.timeout_ms / 1000,
        retries=settings.retries,
        at_once=settings.at_once,
        requests_per_minute=settings.requests_per_minute,
    )
