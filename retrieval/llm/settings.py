"""Settings of the language model."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from retrieval.setting_group import Group, Milliseconds, renamed

LlmProvider = Literal[
    "rules",
    "openai",
    "openrouter",
    "groq",
    "gemini",
    "tensorzero",
    "cloudflare",
    "ollama",
    "vllm",
]
# What the predecessor and its documents call them.
_PROVIDER_NAMES = {
    "tz": "tensorzero",
    "tzero": "tensorzero",
    "workers": "cloudflare",
    "workers-ai": "cloudflare",
    "rule": "rules",
}


class LlmSettings(Group):
    """A language model, for answers and for relations between names; none unless one is named."""

    provider: Annotated[LlmProvider, renamed(_PROVIDER_NAMES)] = Field(
        "rules",
        description="'rules': no language model; else 'openai' and whatever speaks as it does, "
        "'openrouter', 'groq', 'gemini', 'tensorzero', 'cloudflare', 'ollama', 'vllm'.",
    )
    model: str = Field("", description="Name of the model, as the provider writes it.")
    url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Address of the server; without a path, the provider's own is added; empty: "
        "that of the hosted provider.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="Bearer key for it.")
    account_id: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="Account at 'cloudflare', which stands in the address of its calls.",
    )
    output: Literal["schema", "json", "prompt"] = Field(
        "schema",
        description="How the form of an answer is asked of the server: by JSON schema, as any "
        "JSON, or in words alone. It is checked here in any case.",
    )
    tries: int = Field(
        3, ge=1, le=10, description="Times that a model is asked until its answer has the form."
    )
    temperature: float | None = Field(
        0.0, ge=0, le=2, description="Temperature; empty: the server's own."
    )
    max_tokens: int = Field(1_024, ge=16, le=1_000_000, description="Tokens of one answer at most.")
    timeout_ms: Milliseconds = Field(60_000, description="Time for one call.")
    retries: int = Field(
        2, ge=0, le=100, description="Further tries of a call that failed for now (429, 5xx)."
    )
    patience_ms: Milliseconds = Field(
        20_000, description="Longest wait for another try; `Retry-After` beyond it is a failure."
    )
    at_once: int = Field(
        4, ge=1, le=256, description="Calls that each process makes at the same time."
    )
    requests_per_minute: int = Field(
        0, ge=0, le=1_000_000, description="Most calls a minute of each process; 0: no limit."
    )
    tokens_per_hour: int = Field(
        0,
        ge=0,
        le=10**12,
        description="Tokens, sent and received, that each process spends in an hour; 0: no limit.",
    )
    tokens_per_job: int = Field(
        0,
        ge=0,
        le=10**12,
        description="Tokens that one ingestion spends on relations; the rest of its passages is "
        "read by rules; 0: no limit.",
    )
    cache_entries: int = Field(
        1_000, ge=0, le=1_000_000, description="Answers that each process remembers."
    )
    tags: dict[str, str] = Field(
        {}, description='Tags that \'tensorzero\' gets with each call, such as {"team": "studio"}.'
    )

    @property
    def configured(self) -> bool:
        """Whether there is a language model."""
        return self.provider != "rules"
