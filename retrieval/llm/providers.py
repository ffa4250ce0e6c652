"""Who offers chats by OpenAI's protocol, and where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass

from retrieval.errors import InvalidInputError
from retrieval.llm.settings import LlmSettings
from retrieval.openai.endpoint import Endpoint, call_url

_CALL = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: its `address` where it is hosted, and the `prefix` of its calls' paths.

    `most` is how it calls the limit of an answer, and `family` what stands before the name
    of a model unless one of `families` does.
    """

    prefix: str = "/v1"
    address: str = ""
    most: str = "max_tokens"
    family: str = ""
    families: str = ""

    def wire_name(self, model: str) -> str:
        """Return the name of `model` as it is sent."""
        return model if model.startswith(self.families) else self.family + model


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(address="https://api.openai.com", most="max_completion_tokens"),
    "openrouter": Provider("/api/v1", "https://openrouter.ai"),
    "groq": Provider("/openai/v1", "https://api.groq.com", "max_completion_tokens"),
    "gemini": Provider("/v1beta/openai", "https://generativelanguage.googleapis.com"),
    # Functions are named by whoever wants one: tensorzero::function_name::….
    "tensorzero": Provider(
        "/openai/v1", family="tensorzero::model_name::", families="tensorzero::"
    ),
    "cloudflare": Provider("/client/v4/accounts/{account}/ai/v1", "https://api.cloudflare.com"),
    "ollama": Provider(),
    "vllm": Provider(),
}


def provider_of(settings: LlmSettings) -> Provider:
    """Return the provider of `settings`; `InvalidInputError` where it is 'rules'."""
    if not settings.configured:
        raise InvalidInputError("llm.provider: 'rules' names no language model")
    return PROVIDERS[settings.provider]


def endpoint_of(settings: LlmSettings) -> Endpoint:
    """Return where `settings` say that a model is asked.

    Raises `InvalidInputError` where the model, the address or the account is missing.
    """
    provider = provider_of(settings)
    if not settings.model:
        raise InvalidInputError(f"llm.model: the provider {settings.provider!r} needs a model")
    address = settings.url or provider.address
    if not address:
        raise InvalidInputError(
            f"llm.url: the provider {settings.provider!r} needs the address of its server"
        )
    if "{account}" in provider.prefix and not settings.url and not settings.account_id:
        raise InvalidInputError("llm.account_id: 'cloudflare' needs the id of an account")
    return Endpoint(
        url=call_url(address, provider.prefix.format(account=settings.account_id), _CALL),
        key="PMOVES_LLM__API_KEY",
        api_key=settings.api_key.get_secret_value(),
        timeout_s=settings.timeout_ms / 1000,
        retries=settings.retries,
        at_once=settings.at_once,
        requests_per_minute=settings.requests_per_minute,
    )
