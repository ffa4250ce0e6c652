"""Settings of the embedding model."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from retrieval.setting_group import Group, Milliseconds, renamed

EmbeddingProvider = Literal["local", "openai", "tensorzero", "ollama", "tei", "infinity", "vllm"]
# What the predecessor and its documents call them.
_PROVIDER_NAMES = {
    "tz": "tensorzero",
    "tzero": "tensorzero",
    "sentence-transformers": "local",
    "sentence_transformers": "local",
}


class EmbeddingSettings(Group):
    """The embedding model: in this mesh, or behind OpenAI's protocol."""

    provider: Annotated[EmbeddingProvider, renamed(_PROVIDER_NAMES)] = Field(
        "local",
        description="'local': a sentence-transformers model; over HTTP: 'openai' and whatever "
        "speaks as it does, 'tensorzero', 'ollama', 'tei', 'infinity', 'vllm'.",
    )
    model: str = Field(
        "packaged",
        description="Local: 'packaged' (all-MiniLM-L6-v2 from its pip package) or a folder; over "
        "HTTP the name by which the server knows it.",
    )
    revision: str = Field(
        "", description="Version of the weights of a model over HTTP; part of what it is."
    )
    url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Address of the server; without a path, the provider's own is added; empty: "
        "https://api.openai.com for 'openai'.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="Bearer key for `url`.")
    answers_as: str = Field(
        "",
        description="Name of the model in the server's answers, where it is another than `model`.",
    )
    dimensions: int = Field(
        0,
        ge=0,
        le=65_536,
        description="Numbers of a vector; longer ones are cut to it and scaled, as models for it "
        "(Matryoshka) allow; 0: all. With it, a mesh starts while its server does not answer.",
    )
    send_dimensions: bool = Field(
        False, description="Whether a server is asked to cut the vectors itself."
    )
    max_tokens: int = Field(
        512,
        ge=32,
        le=131_072,
        description="Tokens that a model over HTTP reads; longer texts are cut before they are "
        "sent.",
    )
    tokenizer: str = Field(
        "packaged",
        description="Which tokens of a model over HTTP are counted: those of all-MiniLM-L6-v2 "
        "('packaged'), or of a tokenizer.json, or of a folder with one.",
    )
    dtype: Literal["auto", "int8", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of the weights; auto: on a CPU int8, by CTranslate2, for models "
        "like the packaged one; else bfloat16 where GPU or CPU have it built in.",
    )
    query_prefix: str = Field("", description="Text put in front of every query.")
    passage_prefix: str = Field("", description="Text put in front of every passage.")
    batch_tokens: int = Field(
        4096,
        ge=256,
        le=1_000_000,
        description="Tokens in one batch, padded; in int8 at most 512 a thread.",
    )
    batch_texts: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Most texts in one call over HTTP; 0: as many as the provider takes.",
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of the model; 0: half the cores."
    )
    at_once: int = Field(
        4, ge=1, le=256, description="Calls over HTTP that each process makes at the same time."
    )
    requests_per_minute: int = Field(
        0, ge=0, le=1_000_000, description="Most such calls a minute of each process; 0: no limit."
    )
    timeout_ms: Milliseconds = Field(30_000, description="Time for one call over HTTP.")
    retries: int = Field(
        5, ge=0, le=100, description="Further tries of a call that failed for now (429, 5xx)."
    )
    query_patience_ms: Milliseconds = Field(
        2_000, description="Longest wait for another try while a question is embedded."
    )
    passage_patience_ms: Milliseconds = Field(
        120_000, description="Longest wait for another try while passages are embedded."
    )

    @property
    def remote(self) -> bool:
        """Whether the model is behind HTTP."""
        return self.provider != "local"
