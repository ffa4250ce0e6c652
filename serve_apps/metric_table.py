"""Every metric of the gateway. Documentation, dashboard, alerts and tests are held to it.

Names begin with `pmoves_`; counters end in `_total`; units are base units: seconds, bytes.
"""

from dataclasses import dataclass
from typing import Literal

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MINUTES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is exposed; `buckets` are those of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = SECONDS


METRICS = (
    Metric(
        "pmoves_http_requests_total",
        "counter",
        "Answered HTTP requests by route template, method and status.",
        ("route", "method", "status"),
    ),
    Metric(
        "pmoves_http_request_seconds",
        "histogram",
        "Seconds from the first byte of a request to the last of its answer.",
        ("route", "method"),
    ),
    Metric("pmoves_http_in_flight", "gauge", "Requests being worked on now."),
    Metric(
        "pmoves_http_refused_total",
        "counter",
        "Requests that no route saw, by reason: overload, host, origin, request_id, network, "
        "unauthenticated, forbidden, rate, unavailable.",
        ("reason",),
    ),
    Metric(
        "pmoves_search_stage_seconds", "histogram", "Seconds in each stage of a search.", ("stage",)
    ),
    Metric(
        "pmoves_search_degraded_total",
        "counter",
        "Searches that a stage gave nothing to, by stage and reason: timeout, failed, "
        "not_configured.",
        ("stage", "reason"),
    ),
    Metric(
        "pmoves_embedder_waiting_texts",
        "gauge",
        "Texts that this gateway has sent to the embedder and has no vectors of yet, by kind: "
        "queries, passages.",
        ("kind",),
    ),
    Metric(
        "pmoves_embedder_seconds",
        "histogram",
        "Seconds from a call of the embedder to its vectors, waiting included.",
        ("kind",),
    ),
    Metric(
        "pmoves_embedder_errors_total",
        "counter",
        "Calls of the embedder without vectors, by reason: overloaded, failed, not_asked, "
        "cancelled.",
        ("kind", "reason"),
    ),
    Metric(
        "pmoves_embedder_circuit_open",
        "gauge",
        "1 while the embedder is known not to answer, so that nobody waits for it; else 0.",
    ),
    Metric(
        "pmoves_reranker_waiting_passages",
        "gauge",
        "Passages that this gateway has sent to the reranker and has no scores of yet.",
    ),
    Metric(
        "pmoves_reranker_seconds",
        "histogram",
        "Seconds from a call of the reranker to its scores, waiting included.",
    ),
    Metric(
        "pmoves_reranker_errors_total",
        "counter",
        "Calls of the reranker without scores, by reason: overloaded, failed, not_asked, "
        "cancelled.",
        ("reason",),
    ),
    Metric(
        "pmoves_reranker_circuit_open",
        "gauge",
        "1 while the reranker is known not to answer, so that nobody waits for it; else 0.",
    ),
    Metric(
        "pmoves_rerank_passages_total",
        "counter",
        "Passages of heads by where their score came from: cache, model, none.",
        ("source",),
    ),
    Metric(
        "pmoves_answers_total",
        "counter",
        "Answers by outcome: answered, unknown (the passages do not hold it), failed, left (who "
        "asked went away).",
        ("outcome",),
    ),
    Metric(
        "pmoves_answer_sentences_dropped_total",
        "counter",
        "Sentences of the language model that named no passage it had read.",
    ),
    Metric(
        "pmoves_llm_seconds", "histogram", "Seconds of one call of the language model.", (), MINUTES
    ),
    Metric(
        "pmoves_llm_errors_total",
        "counter",
        "Calls of the language model without an answer, by reason: overloaded, failed, "
        "not_asked, cancelled.",
        ("reason",),
    ),
    Metric(
        "pmoves_llm_tokens_total",
        "counter",
        "Tokens of the language model by direction: sent, received.",
        ("direction",),
    ),
    Metric(
        "pmoves_llm_cached_total", "counter", "Calls that an answer of before has made needless."
    ),
    Metric(
        "pmoves_llm_circuit_open",
        "gauge",
        "1 while the language model is known not to answer, so that nobody waits for it; else 0.",
    ),
    Metric("pmoves_index_version", "gauge", "Corpus version that searches see."),
    Metric("pmoves_index_lag_versions", "gauge", "Committed corpus versions not yet seen."),
    Metric(
        "pmoves_index_lag_seconds",
        "gauge",
        "Seconds since searches last were known to see the newest version; 0 when they do.",
    ),
    Metric(
        "pmoves_index_apply_seconds",
        "histogram",
        "Seconds from the commit of a corpus version to the searches that see it.",
    ),
    Metric(
        "pmoves_dense_shard_rows",
        "gauge",
        "Vectors that a shard of the dense index holds, by the number of the shard.",
        ("shard",),
    ),
    Metric(
        "pmoves_dense_shard_lag_seconds",
        "gauge",
        "Seconds since a shard last was known to hold the version that searches see; 0 when it "
        "does.",
        ("shard",),
    ),
    Metric(
        "pmoves_dense_shard_circuit_open",
        "gauge",
        "1 while a shard is known not to answer, so that nobody waits for it; else 0.",
        ("shard",),
    ),
    Metric("pmoves_index_refresh_errors_total", "counter", "Failed looks for a newer version."),
    Metric(
        "pmoves_projection_lag_versions",
        "gauge",
        "Committed corpus versions that an engine does not show yet, by projection: lexical, "
        "graph.",
        ("projection",),
    ),
    Metric(
        "pmoves_projection_lag_seconds",
        "gauge",
        "Seconds since an engine last was known to show the newest version; 0 when it does.",
        ("projection",),
    ),
    Metric(
        "pmoves_projection_failing",
        "gauge",
        "1 while an engine cannot be brought up to date; else 0.",
        ("projection",),
    ),
    Metric(
        "pmoves_text_engine_circuit_open",
        "gauge",
        "1 while the engine of the lexical side is known not to answer, and is left out; else 0.",
    ),
    Metric(
        "pmoves_corpus_circuit_open",
        "gauge",
        "1 while the object store of the corpus is known not to answer, so that nobody waits for "
        "it; else 0.",
    ),
    Metric(
        "pmoves_upkeep_runs_total",
        "counter",
        "Rounds of upkeep of the corpus by outcome: done, elsewhere, failed.",
        ("outcome",),
    ),
    Metric("pmoves_upserted_chunks_total", "counter", "Chunks written by upsert-batch."),
    Metric("pmoves_rejected_items_total", "counter", "Items that upsert-batch refused."),
    Metric("pmoves_deleted_documents_total", "counter", "Documents deleted over HTTP."),
    Metric("pmoves_uploaded_bytes_total", "counter", "Bytes of files uploaded."),
    Metric("pmoves_events_delivered_total", "counter", "Events that webhooks have taken."),
    Metric("pmoves_events_failed_total", "counter", "Tries of a delivery that failed."),
    Metric(
        "pmoves_event_deliveries",
        "gauge",
        "Deliveries of events in the outbox by state: waiting, delivered, dead.",
        ("state",),
    ),
    Metric("pmoves_jobs_started_total", "counter", "Ingest jobs started over HTTP."),
    Metric(
        "pmoves_schedule_runs_total",
        "counter",
        "Runs of schedules by outcome: started, failed.",
        ("outcome",),
    ),
    Metric("pmoves_jobs", "gauge", "Ingest jobs in the state database, by state.", ("state",)),
    Metric(
        "pmoves_job_documents",
        "gauge",
        "Documents that the jobs in the state database have finished, by outcome: ready, "
        "skipped, quarantined.",
        ("outcome",),
    ),
    Metric(
        "pmoves_persona_requests",
        "gauge",
        "Requests to publish a persona that wait for their answer.",
    ),
    Metric(
        "pmoves_persona_answers_total",
        "counter",
        "Answers to requests to publish a persona by outcome: published, the reason of a "
        "failure, or left where nobody waited for the answer.",
        ("outcome",),
    ),
    Metric(
        "pmoves_persona_answer_seconds",
        "histogram",
        "Seconds from such a request to its answer.",
        buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0),
    ),
    Metric(
        "pmoves_build_info",
        "gauge",
        "Always 1; the labels are the versions that run.",
        ("version", "ray", "python"),
    ),
)
