"""Settings of the reranker."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from retrieval.query import RerankFusion
from retrieval.setting_group import Group, Milliseconds, none_if_empty, renamed

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


class RerankSettings(Group):
    """A second model that looks at the best passages again; off unless enabled."""

    enabled: bool = Field(False, description="Whether the mesh has a reranker.")
    by_default: bool = Field(
        True, description="Whether it reranks hybrid queries that do not say `use_rerank`."
    )
    provider: Annotated[RerankProvider, renamed(_PROVIDER_NAMES)] = Field(
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
    use_fp16: Annotated[bool | None, BeforeValidator(none_if_empty)] = Field(
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
