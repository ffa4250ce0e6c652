"""Settings of the library, and the one way in which every package reads them.

Values come, strongest first, from arguments, the environment (`PMOVES_…`, nested
by `__`), predecessor names in the environment, `.env`, and `pmoves.toml` in the
working folder.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from retrieval.object_store import configure
from retrieval.placement import TierSettings
from retrieval.query import Fusion, RerankFusion
from retrieval.setting_group import Group as Group
from retrieval.setting_sources import LenientDotEnv, LenientEnvironment

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=1, le=600_000)]

PREDECESSOR_NAMES: dict[str, tuple[str, str]] = {
    "ALPHA": ("search", "alpha"),
    "INDEXER_NAMESPACE": ("search", "namespace"),
    "GRAPH_BOOST": ("search", "graph_boost"),
    "RERANK_ENABLE": ("rerank", "enabled"),
    "RERANK_PROVIDER": ("rerank", "provider"),
    "RERANK_MODEL": ("rerank", "model"),
    "RERANK_MODEL_PATH": ("rerank", "model_path"),
    "RERANK_TOPN": ("rerank", "topn"),
    "RERANK_K": ("rerank", "k"),
    "RERANK_FUSION": ("rerank", "fusion"),
    "RERANK_USE_FP16": ("rerank", "use_fp16"),
    "TENSORZERO_BASE_URL": ("rerank", "url"),
    "TENSORZERO_RERANK_FUNCTION": ("rerank", "function"),
    "TAILSCALE_ONLY": ("http", "tailnet_only"),
    "TAILSCALE_ADMIN_ONLY": ("http", "tailnet_admin_only"),
    "TAILSCALE_CIDRS": ("http", "tailnet_cidrs"),
    "HIRAG_TRUSTED_PROXIES": ("http", "trusted_proxies"),
}


class CorpusSettings(Group):
    """Where the owned truth lies."""

    uri: str = Field(
        "",
        description="Folder or object-store URI of the corpus; empty: <home>/corpus.",
    )


class S3Settings(Group):
    """The object store behind every `s3://` URI: corpus, results and sources alike."""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
        description="URL of a store other than Amazon's; empty: Amazon S3.",
    )
    region: str = Field("us-east-1", min_length=1, description="Region that requests are for.")
    path_style: bool = Field(
        True, description="Put the bucket into the path of a URL, not into its host name."
    )
    access_key_id: str = Field(
        "", description="Key; empty: from where AWS's tools take it (AWS_…, role of the machine)."
    )
    secret_access_key: SecretStr = Field(SecretStr(""), description="Secret of that key.")
    session_token: SecretStr = Field(
        SecretStr(""), description="Token that belongs to a temporary key."
    )
    ca_file: str = Field(
        "", description="PEM file of authorities to trust beside the system's; empty: none."
    )
    connect_timeout_s: float = Field(
        5.0, gt=0, le=600, description="Longest wait for a connection."
    )
    timeout_s: float = Field(30.0, gt=0, le=3_600, description="Longest wait for one request.")
    retries: int = Field(
        4, ge=0, le=100, description="Further tries of a request that may be repeated."
    )


class StateSettings(Group):
    """Where jobs and other small state live."""

    url: str = Field(
        "", description="SQLAlchemy URL of the state database; empty: SQLite in <home>."
    )


class EmbeddingSettings(Group):
    """The embedding model."""

    model: str = Field(
        "packaged",
        description="'packaged' (all-MiniLM-L6-v2 from its pip package) or a local folder.",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of the weights; auto: bfloat16 where the CPU computes it.",
    )
    query_prefix: str = Field("", description="Text put in front of every query.")
    passage_prefix: str = Field("", description="Text put in front of every passage.")
    batch_tokens: int = Field(
        4096, ge=256, le=1_000_000, description="Tokens in one batch, padded."
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of the model; 0: half the cores."
    )


class SearchSettings(Group):
    """Defaults of a query; each can be overridden by the request of the same name."""

    namespace: str = Field("pmoves", description="Namespace of callers that name none.")
    alpha: Share = Field(0.7, description="Share of the dense side in convex fusion.")
    fusion: Fusion = Field("convex", description="How both sides are joined: convex, rrf or dbsf.")
    neighbor_share: Share = Field(
        0.4,
        description="Share of a hybrid score taken from a passage's nearest candidates; 0: off.",
    )
    graph_boost: Share = Field(
        0.3,
        description="Most that naming the entities of a query adds to a hybrid score; 0: off.",
    )
    candidates: int = Field(
        100,
        ge=10,
        le=10_000,
        description="Passages that each side fetches at least; 4 k if that is more.",
    )
    timeout_ms: Milliseconds = Field(10_000, description="Time for one answer.")
    embed_timeout_ms: Milliseconds = Field(5_000, description="Time for the query's embedding.")
    dense_timeout_ms: Milliseconds = Field(3_000, description="Time for the dense side.")
    lexical_timeout_ms: Milliseconds = Field(3_000, description="Time for the lexical side.")
    graph_timeout_ms: Milliseconds = Field(1_000, description="Time to look up the entities.")
    threads: int = Field(4, ge=1, le=256, description="Threads that run index searches.")


RerankProvider = Literal[
    "auto",
    "cross-encoder",
    "flag",
    "flag-llm",
    "qwen3",
    "openai",
    "cohere",
    "jina",
    "tei",
    "vllm",
    "tensorzero",
]
# What the predecessor and its documents call them.
_PROVIDER_NAMES = {"tz": "tensorzero", "tzero": "tensorzero", "qwen": "qwen3"}


def _provider(value: object) -> object:
    name = value.strip().lower() if isinstance(value, str) else value
    return _PROVIDER_NAMES.get(name, name) if isinstance(name, str) else name


class RerankSettings(Group):
    """A second model that looks at the best passages again; off unless enabled."""

    enabled: bool = Field(False, description="Whether the mesh has a reranker.")
    by_default: bool = Field(
        True, description="Whether it reranks hybrid queries that do not say `use_rerank`."
    )
    provider: Annotated[RerankProvider, BeforeValidator(_provider)] = Field(
        "auto",
        description="Local: 'cross-encoder', 'flag', 'flag-llm', 'qwen3', or 'auto', which looks "
        "at the model; over HTTP: 'openai', 'cohere', 'jina', 'tei', 'vllm', 'tensorzero'.",
    )
    model: str = Field(
        "auto",
        description="Id on the model hub, local folder or s3:// address; auto: "
        "Qwen/Qwen3-Reranker-0.6B with CUDA, else BAAI/bge-reranker-base.",
    )
    model_path: str = Field(
        "", description="Local folder that is taken instead of `model` where it exists."
    )
    topn: int = Field(25, ge=1, le=200, description="Best passages that are reranked.")
    k: int = Field(
        0,
        ge=0,
        le=200,
        description="Hits of a reranked query that names neither `k` nor `rerank_k`; "
        "0: as many as without a reranker.",
    )
    fusion: RerankFusion = Field(
        "mul", description="How its score s joins: mul: score (0.5 + 0.5 s), wsum: half of each."
    )
    timeout_ms: Milliseconds = Field(
        2_000, description="Time for reranking; what is not scored by then keeps its place."
    )
    max_tokens: int = Field(
        512,
        ge=32,
        le=131_072,
        description="Tokens of a query and a passage together; longer passages are scored by "
        "windows, of which the best counts.",
    )
    batch_tokens: int = Field(
        8_192, ge=256, le=4_000_000, description="Tokens in one batch, padded."
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of the model; 0: half the cores."
    )
    use_fp16: bool | None = Field(
        None, description="Half precision with CUDA; empty: yes. Without CUDA it has no effect."
    )
    instruction: str = Field(
        "Given a web search query, retrieve relevant passages that answer the query",
        description="What 'qwen3' is told to judge by.",
    )
    url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Base address of a reranker over HTTP; the path of its call is added unless "
        "it is there already.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="Bearer key for `url`.")
    function: str = Field("hi_rag_rerank", description="Function that 'tensorzero' invokes.")
    scores: Literal["probability", "logit"] = Field(
        "probability",
        description="What a server gives: 0 to 1, or raw logits, to which the logistic function "
        "is applied.",
    )
    cache_entries: int = Field(
        100_000, ge=0, le=100_000_000, description="Scores that each gateway remembers."
    )

    @property
    def remote(self) -> bool:
        """Whether the reranker is a server, which is asked over HTTP."""
        return self.provider in ("openai", "cohere", "jina", "tei", "vllm", "tensorzero")

    @property
    def local(self) -> bool:
        """Whether there is a reranker that is a model of our own."""
        return self.enabled and not self.remote


class DenseSettings(Group):
    """The vector index."""

    exact_rows: int = Field(
        25_000,
        ge=1_000,
        le=10_000_000,
        description="Vectors of a namespace up to which every one is compared; above, clusters.",
    )
    cache: str = Field(
        "", description="Folder of saved indexes for quick starts; empty: <home>/cache."
    )
    save: bool = Field(True, description="Whether to save large indexes for quick starts.")


class LogSettings(Group):
    """What is logged, and how; obeyed by the command line, the gateway and the embedder."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is written."
    )
    format: Literal["plain", "json"] = Field(
        "plain", description="One line of text or one JSON object an event."
    )


class LibrarySettings(BaseSettings):
    """What `retrieval` needs; other packages extend it by their own groups."""

    model_config = SettingsConfigDict(
        env_prefix="PMOVES_",
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        toml_file="pmoves.toml",
        extra="ignore",
        validate_default=True,
    )

    home: Path = Field(Path(".pmoves"), description="Folder for everything the mesh writes.")
    profile: Literal["embedded", "cluster"] = Field(
        "embedded",
        description="Which set of parts to use; only 'embedded' exists so far.",
    )
    corpus: CorpusSettings = CorpusSettings()
    s3: S3Settings = S3Settings()
    state: StateSettings = StateSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    search: SearchSettings = SearchSettings()
    rerank: RerankSettings = RerankSettings()
    log: LogSettings = LogSettings()
    dense: DenseSettings = DenseSettings()
    tiers: TierSettings = TierSettings()

    @property
    def cache_dir(self) -> Path:
        """Folder of what can be made anew from the corpus."""
        return Path(self.dense.cache or self.home / "cache").absolute()

    @property
    def corpus_uri(self) -> str:
        """The corpus's URI, absolute where it is a local folder.

        Whoever asks for it can open it: an object store is spoken to as `s3` says from now on.
        """
        if "://" in self.corpus.uri:
            configure(self.s3)
        return self.corpus.uri or str(self.home.absolute() / "corpus")

    @property
    def state_url(self) -> str:
        """The state database's SQLAlchemy URL."""
        return self.state.url or f"sqlite:///{self.home.absolute() / 'state.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, strongest first."""
        predecessor = InitSettingsSource(settings_cls, predecessor_values(dict(os.environ)))
        toml = TomlConfigSettingsSource(settings_cls)
        environment, env_file = LenientEnvironment(settings_cls), LenientDotEnv(settings_cls)
        return init_settings, environment, predecessor, env_file, toml


def predecessor_values(environment: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the predecessor's variables in `environment` as nested settings."""
    values: dict[str, dict[str, str]] = {}
    for name, (group, setting) in PREDECESSOR_NAMES.items():
        if environment.get(name):
            values.setdefault(group, {})[setting] = environment[name]
    return values
