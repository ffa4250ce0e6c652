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

from retrieval.fetching.settings import FetchSettings
from retrieval.object_store import configure
from retrieval.placement import TierSettings
from retrieval.query import Fusion
from retrieval.setting_group import Group as Group
from retrieval.setting_sources import LenientDotEnv, LenientEnvironment

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=1, le=600_000)]

PREDECESSOR_NAMES: dict[str, tuple[str, str]] = {
    "ALPHA": ("search", "alpha"),
    "INDEXER_NAMESPACE": ("search", "namespace"),
    "GRAPH_BOOST": ("search", "graph_boost"),
    "NEO4J_URL": ("neo4j", "url"),
    "NEO4J_USER": ("neo4j", "user"),
    "NEO4J_PASSWORD": ("neo4j", "password"),
    "NEO4J_DICT_REFRESH_SEC": ("neo4j", "dict_refresh_s"),
    "NEO4J_DICT_LIMIT": ("neo4j", "dict_limit"),
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
    neighbor_boost: Share = Field(
        1.0,
        description="What a neighbor of an entity of the query counts, as a share of that; 0: off.",
    )
    found_names: bool = Field(
        False,
        description="Whether names that only the passages know count as entities, too.",
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


class GraphSettings(Group):
    """What is found in passages of namespaces that have entities."""

    relations: Literal["off", "rules", "spacy"] = Field(
        "rules",
        description="How relations between names are found: by rules, or a spaCy model as well.",
    )
    spacy_model: str = Field(
        "en_core_web_sm", description="spaCy model, an installed package or a folder."
    )


class Neo4jSettings(Group):
    """A Neo4j that shows the graph, in the profile `cluster`; searches never wait for it."""

    url: str = Field(
        "", description="Bolt address, such as bolt://localhost:7687; empty: none is used."
    )
    user: str = Field("neo4j", description="Who logs in.")
    password: SecretStr = Field(
        SecretStr(""), description="With which password; empty: the server asks for none."
    )
    database: str = Field("", description="Database there; empty: the server's own choice.")
    connect_timeout_s: float = Field(
        3.0, ge=0.1, le=300, description="Seconds within which a connection must stand."
    )
    timeout_s: float = Field(
        30.0, ge=0.1, le=3_600, description="Seconds that one transaction may take."
    )
    dict_limit: int = Field(
        50_000, ge=1, le=10_000_000, description="Entities that are read from there at most."
    )
    dict_refresh_s: int = Field(
        0,
        ge=0,
        le=86_400,
        description="Seconds between readings of its entities by a running mesh; 0: never.",
    )


Analyzer = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def split(value: object) -> object:
    """Let a list be written with commas, as the predecessor did."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


class ElasticsearchSettings(Group):
    """Elasticsearch as the lexical side; used by the profile `cluster` where `hosts` are given."""

    hosts: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")]],
        BeforeValidator(split),
    ] = Field(
        [],
        description="Addresses of the nodes, such as https://one:9200,https://two:9200; "
        "empty: the corpus's own text index answers.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="API key, in its encoded form.")
    username: str = Field("", description="Name for basic authentication, instead of a key.")
    password: SecretStr = Field(SecretStr(""), description="Password that goes with it.")
    ca_file: str = Field(
        "", description="File with the authority that signed the nodes' certificates."
    )
    index: str = Field(
        "pmoves",
        pattern=r"^[a-z][a-z0-9_-]{0,63}$",
        description="Name of the alias that is searched; each mesh needs one of its own.",
    )
    analyzer: Analyzer = Field("english", description="Analyzer of the passages.")
    analyzers: dict[str, Analyzer] = Field(
        {}, description='Other analyzers by namespace, such as {"archiv": "german"}.'
    )
    shards: int = Field(1, ge=1, le=1_024, description="Primary shards of the index.")
    patience_ms: Milliseconds = Field(
        1_000,
        description="Time for one answer; after it, the corpus's own text index answers.",
    )
    retry_ms: Milliseconds = Field(
        2_000, description="Pause until nodes that did not answer are asked again."
    )
    most_lag_s: float = Field(
        5.0,
        ge=0.1,
        le=86_400,
        description="Seconds for which Elasticsearch may lack the newest passages before the "
        "corpus's own text index answers.",
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
    embedding: EmbeddingSettings = EmbeddingSettings()
    search: SearchSettings = SearchSettings()
    graph: GraphSettings = GraphSettings()
    neo4j: Neo4jSettings = Neo4jSettings()
    log: LogSettings = LogSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    dense: DenseSettings = DenseSettings()
    fetch: FetchSettings = FetchSettings()
    tiers: TierSettings = TierSettings()

    @property
    def uses_elasticsearch(self) -> bool:
        """Whether Elasticsearch is the lexical side."""
        return self.profile == "cluster" and bool(self.elasticsearch.hosts)

    @property
    def uses_neo4j(self) -> bool:
        """Whether a Neo4j shows the graph of the corpus."""
        return self.profile == "cluster" and bool(self.neo4j.url)

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
