"""Settings of what stands beside the corpus: an object store, and engines."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from retrieval.setting_group import Group, Milliseconds, split

Analyzer = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _project(url: str) -> str:
    """Return the project's own address where that of its REST interface was given."""
    return url.rstrip("/").removesuffix("/rest/v1").rstrip("/")


def _stripped(secret: SecretStr) -> SecretStr:
    return SecretStr(secret.get_secret_value().strip())


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
    patience_ms: Milliseconds = Field(
        5_000,
        description="Time in which the store must open the corpus when it is in doubt; if it does "
        "not, searches are refused at once.",
    )
    retry_ms: Milliseconds = Field(2_000, description="Pause until such a store is asked again.")


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
    patience_ms: Milliseconds = Field(
        10_000,
        description="Time in which another connection must get an answer when a call takes long; "
        "without one the call is given up.",
    )
    retry_ms: Milliseconds = Field(
        2_000, description="Pause until a Neo4j that did not answer is asked again."
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


class TextEngineSettings(Group):
    """What is the same of all engines that can find words in place of the corpus."""

    ca_file: str = Field(
        "", description="File with the authority that signed the engine's certificates."
    )
    patience_ms: Milliseconds = Field(
        1_000,
        description="Time for one answer; after it, the corpus's own text index answers.",
    )
    retry_ms: Milliseconds = Field(
        2_000, description="Pause until an engine that did not answer is asked again."
    )
    most_lag_s: float = Field(
        5.0,
        ge=0.1,
        le=86_400,
        description="Seconds for which the engine may lack the newest passages before the "
        "corpus's own text index answers.",
    )


class ElasticsearchSettings(TextEngineSettings):
    """Elasticsearch as the lexical side; used by the profile `cluster` where `hosts` are given."""

    hosts: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^/@\s]+(/[^@\s]*)?$")]],
        BeforeValidator(split),
    ] = Field(
        [],
        description="Addresses of the nodes, such as http://127.0.0.1:9200; commas between; "
        "empty: the corpus's own text index answers.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="API key, in its encoded form.")
    username: str = Field("", description="Name for basic authentication, instead of a key.")
    password: SecretStr = Field(SecretStr(""), description="Password that goes with it.")
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


class MeilisearchSettings(TextEngineSettings):
    """Meilisearch as the lexical side; used by the profile `cluster` where a `url` is given."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^/@\s]+(/[^@\s]*)?)?$",
        description="Address of the server, such as http://127.0.0.1:7700; empty: none is used.",
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Key that is sent as a bearer; empty: the server asks for none."
    )
    index: str = Field(
        "pmoves",
        pattern=r"^[a-z][a-z0-9_-]{0,63}$",
        description="Index that is searched; each mesh needs one of its own.",
    )
    language: str = Field(
        "english",
        pattern=r"^[a-z][a-z0-9_]{0,63}$",
        description="Snowball stemmer by which words are made alike; none: as they are written.",
    )
    task_timeout_s: float = Field(
        300.0, ge=1, le=86_400, description="Seconds that what is written may take to be indexed."
    )


class SupabaseSettings(Group):
    """A Supabase project that keeps the gates of personas, reached by its key."""

    url: Annotated[str, AfterValidator(_project)] = Field(
        "",
        pattern=r"^(https?://[^/@\s]+(/[^@\s]*)?)?$",
        description="Address of the project, https://<project>.supabase.co; empty, or where "
        "`state.url` names a database: gates are in the state database.",
    )
    key: Annotated[SecretStr, AfterValidator(_stripped)] = Field(
        SecretStr(""), description="Its secret key, which is that of the service role."
    )
    timeout_s: float = Field(
        10.0, ge=0.1, le=600, description="Longest wait for a connection, and for an answer."
    )
