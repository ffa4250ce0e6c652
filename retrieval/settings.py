"""Settings of the library, and the one way in which every package reads them.

Values come, strongest first, from arguments, the environment (`PMOVES_…`, nested
by `__`), predecessor names in the environment, `.env`, and `pmoves.toml` in the
working folder.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from retrieval.answering.settings import AnswerSettings
from retrieval.embedding.settings import EmbeddingSettings as EmbeddingSettings
from retrieval.engine_settings import ElasticsearchSettings as ElasticsearchSettings
from retrieval.engine_settings import MeilisearchSettings as MeilisearchSettings
from retrieval.engine_settings import Neo4jSettings as Neo4jSettings
from retrieval.engine_settings import S3Settings as S3Settings
from retrieval.engine_settings import SupabaseSettings as SupabaseSettings
from retrieval.fetching.settings import FetchSettings
from retrieval.llm.settings import LlmSettings
from retrieval.object_store import configure
from retrieval.placement import TierSettings, placement
from retrieval.query import Fusion
from retrieval.rerank.settings import RerankSettings as RerankSettings
from retrieval.reserving import ReserveSettings, reserved
from retrieval.setting_group import Group as Group
from retrieval.setting_group import Milliseconds, none_if_empty
from retrieval.setting_group import split as split
from retrieval.setting_sources import LenientDotEnv, LenientEnvironment

Share = Annotated[float, Field(ge=0, le=1)]
Depth = Annotated[int, Field(ge=10, le=10_000)]
OwnDepth = Annotated[Depth | None, BeforeValidator(none_if_empty)]

PREDECESSOR_NAMES: dict[str, tuple[str, str]] = {
    "ALPHA": ("search", "alpha"),
    "INDEXER_NAMESPACE": ("search", "namespace"),
    "GRAPH_BOOST": ("search", "graph_boost"),
    "NEO4J_URL": ("neo4j", "url"),
    "NEO4J_USER": ("neo4j", "user"),
    "NEO4J_PASSWORD": ("neo4j", "password"),
    "NEO4J_DICT_REFRESH_SEC": ("neo4j", "dict_refresh_s"),
    "NEO4J_DICT_LIMIT": ("neo4j", "dict_limit"),
    "EMBEDDING_BACKEND": ("embedding", "provider"),
    "LANGEXTRACT_PROVIDER": ("llm", "provider"),
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
    "SUPABASE_REST_URL": ("supabase", "url"),
    "SUPABASE_URL": ("supabase", "url"),
    "SUPABASE_SERVICE_ROLE_KEY": ("supabase", "key"),
    "TAILSCALE_ONLY": ("http", "tailnet_only"),
    "TAILSCALE_ADMIN_ONLY": ("http", "tailnet_admin_only"),
    "TAILSCALE_CIDRS": ("http", "tailnet_cidrs"),
    "HIRAG_TRUSTED_PROXIES": ("http", "trusted_proxies"),
}
# Groups that its TensorZero serves as well, where a variable says so.
_TENSORZERO = "TENSORZERO_BASE_URL"
_CHOSEN_BY = {"EMBEDDING_BACKEND": "embedding", "LANGEXTRACT_PROVIDER": "llm"}
_TENSORZERO_NAMES = ("tensorzero", "tz", "tzero")


class CorpusSettings(Group):
    """Where the owned truth lies."""

    uri: str = Field(
        "",
        description="Folder or object-store URI of the corpus; empty: <home>/corpus.",
    )


class StateSettings(Group):
    """Where jobs and other small state live."""

    url: str = Field(
        "", description="SQLAlchemy URL of the state database; empty: SQLite in <home>."
    )
    timeout_s: float = Field(
        15.0,
        ge=0.1,
        le=600,
        description="Seconds after which the gateway gives up waiting for the state database.",
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
    neighbor_boost: Share = Field(
        1.0,
        description="What a neighbor of an entity of the query counts, as a share of that; 0: off.",
    )
    found_names: bool = Field(
        False,
        description="Whether names that only the passages know count as entities, too.",
    )
    typo_tolerance: bool = Field(
        True,
        description="Whether a word of a query that no passage holds is read as the nearest one.",
    )
    candidates: Depth = Field(
        100, description="Passages that each side fetches at least; 4 k if that is more."
    )
    dense_candidates: OwnDepth = Field(
        None, description="The same for the dense side alone; empty: `search.candidates`."
    )
    lexical_candidates: OwnDepth = Field(
        None, description="The same for the lexical side alone; empty: `search.candidates`."
    )
    timeout_ms: Milliseconds = Field(10_000, description="Time for one answer.")
    embed_timeout_ms: Milliseconds = Field(5_000, description="Time for the query's embedding.")
    dense_timeout_ms: Milliseconds = Field(3_000, description="Time for the dense side.")
    lexical_timeout_ms: Milliseconds = Field(3_000, description="Time for the lexical side.")
    graph_timeout_ms: Milliseconds = Field(1_000, description="Time to look up the entities.")
    threads: int = Field(4, ge=1, le=256, description="Threads that run index searches.")


class GraphSettings(Group):
    """What is found in passages of namespaces that have entities."""

    relations: Literal["off", "rules", "spacy", "llm"] = Field(
        "rules",
        description="How relations between names are found: by rules, by a spaCy model as well, or "
        "by the language model ('llm').",
    )
    spacy_model: str = Field(
        "en_core_web_sm", description="spaCy model, an installed package or a folder."
    )


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
    shards: int = Field(
        1,
        ge=1,
        le=1_000,
        description="Deployments that the index of the mesh is divided among; 1: every gateway "
        "holds all of it.",
    )
    gpu: bool = Field(
        False,
        description="Whether shards compare all vectors on a GPU where their FAISS sees one "
        "(faiss-gpu); not tried on one yet.",
    )
    former_shards: int = Field(
        0,
        ge=0,
        le=1_000,
        description="While `dense.shards` is changed: its value of before, whose deployments are "
        "kept until the gateways have moved; 0 or 1: none.",
    )


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
        description="Which set of parts to use; 'cluster' takes the engines that are set.",
    )
    corpus: CorpusSettings = CorpusSettings()
    s3: S3Settings = S3Settings()
    state: StateSettings = StateSettings()
    supabase: SupabaseSettings = SupabaseSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    search: SearchSettings = SearchSettings()
    graph: GraphSettings = GraphSettings()
    neo4j: Neo4jSettings = Neo4jSettings()
    rerank: RerankSettings = RerankSettings()
    llm: LlmSettings = LlmSettings()
    answer: AnswerSettings = AnswerSettings()
    log: LogSettings = LogSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    meilisearch: MeilisearchSettings = MeilisearchSettings()
    dense: DenseSettings = DenseSettings()
    fetch: FetchSettings = FetchSettings()
    tiers: TierSettings = TierSettings()
    reserve: ReserveSettings = ReserveSettings()

    def placed(self, work: str) -> dict[str, Any]:
        """Return Ray's options of where `work`, a name of `tiers`, runs and what it reserves."""
        return placement(getattr(self.tiers, work)) | reserved(getattr(self.reserve, work))

    @property
    def text_engines(self) -> list[str]:
        """The engines that are to be the lexical side; of more than one none can be used."""
        given = {
            "Elasticsearch": bool(self.elasticsearch.hosts),
            "Meilisearch": bool(self.meilisearch.url),
        }
        return [name for name, is_given in given.items() if is_given and self.profile == "cluster"]

    @property
    def uses_neo4j(self) -> bool:
        """Whether a Neo4j shows the graph of the corpus."""
        return self.profile == "cluster" and bool(self.neo4j.url)

    @property
    def uses_supabase(self) -> bool:
        """Whether a Supabase project keeps the gates, and not the state database."""
        return bool(self.supabase.url) and not self.state.url

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
    for name, (group, setting) in predecessor_paths(environment):
        values.setdefault(group, {})[setting] = environment[name]
    return values


def predecessor_paths(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each of the predecessor's variables in `environment` with the setting it gives."""
    for name, path in PREDECESSOR_NAMES.items():
        if environment.get(name):
            yield name, path
    for name, group in _CHOSEN_BY.items():
        chosen = environment.get(name, "").strip().lower()
        if chosen in _TENSORZERO_NAMES and environment.get(_TENSORZERO):
            yield _TENSORZERO, (group, "url")
