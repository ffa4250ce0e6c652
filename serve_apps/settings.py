"""Settings of the HTTP gateway and of the Serve deployments."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from publishing.events.settings import EventSettings
from retrieval.settings import Group, LibrarySettings, Share, split

Port = Annotated[int, Field(ge=1, le=65_535)]
OwnTarget = Annotated[float, Field(ge=0, le=100_000)]
OwnWait = Annotated[float, Field(ge=0, le=3_600)]
MIB = 2**20


def _network(value: str) -> str:
    ip_network(value, strict=False)
    return value


Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], BeforeValidator(split)]


class HttpSettings(Group):
    """The door: where it stands and how much fits through it."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; any but loopback needs an API key, see `pmoves keys`.",
    )
    port: Port = Field(8000, description="TCP port of the gateway.")
    max_query_bytes: int = Field(
        MIB, ge=1_024, le=64 * MIB, description="Largest JSON body of any call but upsert-batch."
    )
    max_batch_bytes: int = Field(
        32 * MIB, ge=1_024, le=1_024 * MIB, description="Largest body of one upsert-batch call."
    )
    max_batch_items: int = Field(
        10_000, ge=1, le=1_000_000, description="Most items in one upsert-batch call."
    )
    max_upload_bytes: int = Field(
        2_048 * MIB, ge=1_024, le=1_024**5, description="Most bytes of files in one upload."
    )
    max_upload_files: int = Field(1_000, ge=1, le=100_000, description="Most files in one upload.")
    body_s: float = Field(
        20.0,
        ge=0.1,
        le=86_400,
        description="Seconds that the body of a request may take to come in.",
    )
    body_bytes_per_s: int = Field(
        4_096,
        ge=1,
        le=1_024**4,
        description="Bytes of a body that buy it one second more.",
    )
    max_in_flight: int = Field(
        256,
        ge=1,
        le=100_000,
        description="Requests that one gateway replica works on at once; more get 503.",
    )
    retry_after_s: int = Field(
        1, ge=1, le=3_600, description="Seconds in Retry-After when the gateway is overloaded."
    )
    tailnet_only: bool = Field(
        False, description="Whether only this machine and `tailnet_cidrs` are answered."
    )
    tailnet_admin_only: bool = Field(
        False, description="The same for the calls that need the role `admin` alone."
    )
    tailnet_cidrs: Networks = Field(
        ["100.64.0.0/10", "fd7a:115c:a1e0::/48"],
        description="Networks that `tailnet_only` and `tailnet_admin_only` let in.",
    )
    trusted_proxies: Networks = Field(
        [],
        description="Addresses or networks of proxies in front of the gateway whose "
        "X-Forwarded-For is believed.",
    )


class KeySettings(Group):
    """How the gateway keeps up with the API keys, and how long browsers stay signed in."""

    refresh_s: float = Field(
        2.0,
        ge=0.1,
        le=30,
        description="Seconds after which a new or revoked API key counts, at the latest.",
    )
    session_s: int = Field(
        43_200,
        ge=60,
        le=2_592_000,
        description="Seconds for which a browser that signed in with an API key may see pages.",
    )


class ServeSettings(Group):
    """How many replicas there are and what each may use."""

    gateway_replicas: int = Field(1, ge=1, le=1_000, description="Replicas of the gateway.")
    gateway_max_replicas: int = Field(
        0,
        ge=0,
        le=1_000,
        description="Replicas of the gateway under load; `gateway_replicas` or less: just those.",
    )
    gateway_cpus: float = Field(
        0.1, ge=0, le=256, description="CPUs that Ray sets aside for one gateway replica."
    )
    embedder_replicas: int = Field(
        1,
        ge=0,
        le=1_000,
        description="Replicas of the embedder; 0: none after a calm, and one again as soon as it "
        "is asked.",
    )
    embedder_max_replicas: int = Field(
        0,
        ge=0,
        le=1_000,
        description="Replicas of the embedder under load; `embedder_replicas` or less: just those.",
    )
    embedder_cpus: float = Field(
        0.5, ge=0, le=256, description="CPUs that Ray sets aside for one embedder replica."
    )
    embedder_gpus: float = Field(
        0.0,
        ge=0,
        le=64,
        description="GPUs, or share of one, for an embedder replica; with 0 it sees none.",
    )
    embed_questions: Literal["auto", "gateway", "embedder"] = Field(
        "auto",
        description="Where questions are embedded; auto: in the gateway where the embedder would "
        "compute the same, on a CPU in int8, and does not rest; else by the embedder.",
    )
    embedder_start_s: float = Field(
        60.0,
        gt=0,
        le=86_400,
        description="Seconds that the embedder may take to start where `embedder_replicas` is 0: "
        "writes wait for it so long, and then `/readyz` says that it does not come.",
    )
    ingestor_replicas: int = Field(
        1,
        ge=0,
        le=1_000,
        description="Replicas of the ingestor, which runs small jobs; 0: all jobs are Ray jobs.",
    )
    ingestor_cpus: float = Field(
        0.2, ge=0, le=256, description="CPUs that Ray sets aside for one replica of the ingestor."
    )
    ingestor_max_ongoing: int = Field(
        16,
        ge=1,
        le=10_000,
        description="Jobs on their way to one replica of the ingestor, or run by it.",
    )
    target_ongoing: float = Field(
        8.0,
        gt=0,
        le=100_000,
        description="Requests at once in one replica for which one more is started under load.",
    )
    target_wait_s: float = Field(
        1.0,
        gt=0,
        le=3_600,
        description="Seconds of work that may wait in one embedder or reranker replica, by its "
        "tokens and its speed, before one more is started under load.",
    )
    gateway_target_ongoing: OwnTarget = Field(
        0.0, description="The same for gateways alone; 0: `target_ongoing`."
    )
    embedder_target_ongoing: OwnTarget = Field(
        0.0, description="The same for embedders alone; 0: `target_ongoing`."
    )
    reranker_target_ongoing: OwnTarget = Field(
        0.0, description="The same for rerankers alone; 0: `target_ongoing`."
    )
    embedder_target_wait_s: OwnWait = Field(
        0.0, description="Such seconds for embedders alone; 0: `target_wait_s`."
    )
    reranker_target_wait_s: OwnWait = Field(
        0.0, description="Such seconds for rerankers alone; 0: `target_wait_s`."
    )
    upscale_delay_s: float = Field(
        10.0, ge=0, le=86_400, description="Seconds of load before replicas are added."
    )
    downscale_delay_s: float = Field(
        300.0, ge=0, le=86_400, description="Seconds of calm before replicas are taken away."
    )
    embedder_max_ongoing: int = Field(
        256, ge=1, le=100_000, description="Calls that one embedder replica gathers batches from."
    )
    embedder_max_queued: int = Field(
        512, ge=1, le=1_000_000, description="Calls that wait for an embedder before new ones fail."
    )
    embedder_patience_ms: int = Field(
        2_000,
        ge=50,
        le=600_000,
        description="Time in which the embedder must embed one word when it is in doubt; if it "
        "does not, searches answer by words at once and writes are refused.",
    )
    embedder_retry_ms: int = Field(
        1_000, ge=50, le=600_000, description="Pause until such an embedder is asked again."
    )
    reranker_replicas: int = Field(
        1,
        ge=0,
        le=1_000,
        description="Replicas of the reranker, where there is a local one; 0: none after a calm, "
        "and one again as soon as it is asked.",
    )
    reranker_max_replicas: int = Field(
        0,
        ge=0,
        le=1_000,
        description="Replicas of the reranker under load; `reranker_replicas` or less: just those.",
    )
    reranker_cpus: float = Field(
        0.5, ge=0, le=256, description="CPUs that Ray sets aside for one reranker replica."
    )
    reranker_gpus: float = Field(
        0.0,
        ge=0,
        le=64,
        description="GPUs, or share of one, for a reranker replica; with 0 it sees none.",
    )
    reranker_start_s: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Seconds that the reranker may take to start where `reranker_replicas` is 0: "
        "after that its status says that it does not come.",
    )
    reranker_max_ongoing: int = Field(
        256, ge=1, le=100_000, description="Calls that one reranker replica gathers batches from."
    )
    reranker_max_queued: int = Field(
        512, ge=1, le=1_000_000, description="Calls that wait for a reranker before new ones fail."
    )
    reranker_patience_ms: int = Field(
        5_000,
        ge=50,
        le=600_000,
        description="Time in which the reranker must score one word when it is in doubt; if it "
        "does not, searches are answered in the order of before.",
    )
    reranker_retry_ms: int = Field(
        2_000, ge=50, le=600_000, description="Pause until such a reranker is asked again."
    )
    shard_replicas: int = Field(
        1, ge=1, le=1_000, description="Replicas of each shard of the dense index, if it has any."
    )
    shard_cpus: float = Field(
        0.1, ge=0, le=256, description="CPUs that Ray sets aside for one replica of a shard."
    )
    shard_gpus: float = Field(
        0.0,
        ge=0,
        le=64,
        description="GPUs, or share of one, for a replica of a shard; with 0 it sees none.",
    )
    shard_max_ongoing: int = Field(
        256, ge=1, le=100_000, description="Calls that one replica of a shard works on at once."
    )
    shard_max_queued: int = Field(
        512, ge=1, le=1_000_000, description="Calls that wait for a shard before new ones fail."
    )
    shard_patience_ms: int = Field(
        2_000,
        ge=50,
        le=600_000,
        description="Time in which a shard must tell its state when it is in doubt; if it does "
        "not, searches are answered by the others.",
    )
    shard_retry_ms: int = Field(
        1_000, ge=50, le=600_000, description="Pause until such a shard is asked again."
    )
    shard_start_s: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Seconds that a new gateway replica waits for the shards to load; then it "
        "answers without those that have not.",
    )
    llm_patience_ms: int = Field(
        20_000,
        ge=50,
        le=600_000,
        description="Time in which the language model must say one word when it is in doubt; if it "
        "does not, calls of it are refused at once.",
    )
    llm_retry_ms: int = Field(
        15_000, ge=50, le=600_000, description="Pause until such a language model is asked again."
    )
    refresh_ms: int = Field(
        500, ge=10, le=60_000, description="Pause between looks for a newer corpus version."
    )
    drain_s: int = Field(
        60,
        ge=1,
        le=3_600,
        description="Seconds that requests on their way get to end when a replica or the whole "
        "mesh is stopped; nobody waits where there are none.",
    )
    upkeep_s: int = Field(
        60,
        ge=1,
        le=86_400,
        description="Pause between rounds that join small files and drop old versions.",
    )

    def bounds(self, name: str) -> tuple[int, int]:
        """Return the fewest and most replicas of a deployment; equal: it does not grow."""
        least: int = getattr(self, f"{name}_replicas")
        return least, max(1, least, getattr(self, f"{name}_max_replicas", 0))

    def ongoing(self, name: str) -> float:
        """Return for how many requests at once a deployment has one replica under load."""
        own: float = getattr(self, f"{name}_target_ongoing")
        return own or self.target_ongoing

    def wait_s(self, name: str) -> float | None:
        """Return how many seconds of work may wait in a replica; None: only calls count."""
        own: float | None = getattr(self, f"{name}_target_wait_s", None)
        return None if own is None else own or self.target_wait_s


class TracingSettings(Group):
    """Where traces go; needs the extra `tracing`."""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Where spans are sent to by OTLP over HTTP, such as "
        "http://127.0.0.1:4318/v1/traces; empty: nowhere.",
    )
    sample_share: Share = Field(
        1.0,
        description="Share of the traces that begin here which are recorded; "
        "callers decide over theirs.",
    )


class AppSettings(LibrarySettings):
    """What `serve_apps` needs."""

    http: HttpSettings = HttpSettings()
    serve: ServeSettings = ServeSettings()
    tracing: TracingSettings = TracingSettings()
    keys: KeySettings = KeySettings()
    events: EventSettings = EventSettings()


class AllowedSources(Group):
    """The part of the ingest settings that the gateway obeys; the rest is the jobs' own."""

    model_config = ConfigDict(extra="ignore", validate_default=True)

    roots: list[Path] = Field(
        [], description="Folders from which HTTP callers may have `file:` sources read."
    )
    buckets: list[str] = Field(
        [],
        description="Places, `s3://bucket` or `s3://bucket/prefix`, from which HTTP callers "
        "may have `s3:` sources read.",
    )


class AppArgs(AppSettings):
    """The arguments of the application builder: whatever is left out comes from the settings."""

    ingest: AllowedSources = AllowedSources()
