"""`pmoves bench`."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from eval.bench.embedding import EmbeddingBenchReport, EmbeddingPlan, bench_embedding
from eval.bench.engines import EnginesPlan, bench_engines
from eval.bench.engines_report import EnginesBenchReport
from eval.bench.graph import GraphBenchReport, GraphPlan, bench_graph
from eval.bench.growth import GrowthPlan, bench_growth, fill_growth
from eval.bench.growth_report import GrowthBenchReport
from eval.bench.ingest import IngestBenchReport, IngestPlan, bench_ingest
from eval.bench.ocr import OcrBenchReport, OcrPlan, bench_ocr
from eval.bench.parts import BenchParts, MeshAddress
from eval.bench.peers.ingest import PeersIngestPlan
from eval.bench.peers.ingest_report import PeersIngestReport
from eval.bench.peers.run import compare_ingest, compare_search, set_up
from eval.bench.peers.search import PeersPlan
from eval.bench.peers.search_report import PeersSearchReport
from eval.bench.search import SearchPlan, bench_search
from eval.bench.search_report import SearchBenchReport
from eval.bench.serving import ServingBenchReport, ServingPlan, bench_serving
from eval.bench.shards import ShardsPlan, bench_shards
from eval.bench.shards_report import ShardsBenchReport
from eval.bench.speech import SpeechBenchReport, SpeechPlan, bench_speech
from eval.collections import SAMPLE, named_collection
from eval.errors import EvaluationError
from eval.parts import EvaluateParts
from retrieval.settings import LibrarySettings

Report = (
    SearchBenchReport
    | IngestBenchReport
    | EmbeddingBenchReport
    | SpeechBenchReport
    | OcrBenchReport
    | ServingBenchReport
    | GrowthBenchReport
    | GraphBenchReport
    | EnginesBenchReport
    | ShardsBenchReport
    | PeersSearchReport
    | PeersIngestReport
)
T = TypeVar("T")


class Part(StrEnum):
    """What is compared with the peers."""

    SEARCH = "search"
    INGEST = "ingest"


_SIZES = (10_000, 100_000, 1_000_000)
_DEFAULT_URL = "http://127.0.0.1:8000"
Url = Annotated[
    str | None,
    typer.Option(envvar="PMOVES_URL", help="A mesh on this machine; without: one of its own."),
]
ApiKey = Annotated[str | None, typer.Option(envvar="PMOVES_API_KEY", help="Key for the mesh.")]
Clients = Annotated[list[int] | None, typer.Option(help="Numbers of clients; 1 and 16 by default.")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds, in each of which both take turns.")]
Searches = Annotated[int, typer.Option(min=20, help="Searches per round and number of clients.")]
Files = Annotated[int, typer.Option(min=1, help="PDF files in a round.")]
Pages = Annotated[int, typer.Option(min=1, help="Pages of a file.")]
Sizes = Annotated[
    list[int] | None,
    typer.Option(
        "--size", min=100, help="Numbers of chunks; 10,000, 100,000 and 1,000,000 by default."
    ),
]
GrowthClients = Annotated[int, typer.Option("--clients", min=1, help="Searches at once.")]
ServingClients = Annotated[int, typer.Option("--clients", min=1, help="Clients at once.")]
Requests = Annotated[int, typer.Option(min=100, help="Requests per round and server.")]
Portions = Annotated[int, typer.Option(min=1, help="Portions of 256 passages in a round.")]
Recordings = Annotated[int, typer.Option(min=1, help="Recordings of half a minute in a round.")]
Folder = Annotated[
    Path | None,
    typer.Option(help="Where the corpora stay for the next run; without: a temporary place."),
]
FillOnly = Annotated[
    bool, typer.Option("--fill-only", help="Only fill the corpora in --folder, to measure later.")
]
GrowthSearches = Annotated[
    int, typer.Option("--searches", min=20, help="Searches of each kind per round and size.")
]
Collection = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="Folder in Cranfield's, BEIR's or TREC's layout, or 'library', the sample library.",
    ),
]
Entities = Annotated[int, typer.Option(min=100, help="Entities of the dictionary.")]
Passages = Annotated[int, typer.Option(min=100, help="Passages, which mention two each.")]
Relations = Annotated[int, typer.Option(min=1, help="Relations between the entities.")]
Only = Annotated[Part | None, typer.Option(help="Only this half of the comparison.")]
MixedFiles = Annotated[int, typer.Option("--files", min=4, help="Files to ingest in a round.")]
SetUpOnly = Annotated[
    bool, typer.Option("--set-up-only", help="Only install the peers, to measure later.")
]
Out = Annotated[Path | None, typer.Option(help="Folder for the figures as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

bench_app = typer.Typer(
    help="Measure speed, side by side in one run.", no_args_is_help=True, add_completion=False
)


@bench_app.command("search")
def search(
    context: typer.Context,
    url: Url = None,
    api_key: ApiKey = None,
    clients: Clients = None,
    rounds: Rounds = 3,
    searches: Searches = 200,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Searches/s over HTTP, against the same pipeline and corpus in this process."""
    # Loads torch: only where it is needed.
    from eval.systems.local import LocalSystem

    with _mesh(context, url) as mesh:
        plan = SearchPlan(mesh.url, api_key, tuple(clients or (1, 16)), rounds, searches)
        local = LocalSystem(LibrarySettings(), mesh.corpus_uri)
        try:
            report = bench_search(plan, local)
        finally:
            asyncio.run(local.close())
    _show("search", report, out, as_json)


@bench_app.command("ingest")
def ingest(
    context: typer.Context,
    files: Files = 100,
    pages: Pages = 20,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Pages/s of text PDFs without embedding, against pypdfium2 alone."""
    ingest_folder = _needed(_parts(context).ingest_folder, "ingestion", "ingest")
    plan = IngestPlan(files=files, pages_per_file=pages, rounds=rounds)
    report = bench_ingest(plan, ingest_folder, on_ray=_parts(context).ingest_on_ray)
    _show("ingest", report, out, as_json)


@bench_app.command("embedding")
def embedding(
    context: typer.Context,
    portions: Portions = 6,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Passages/s through the embedding stage of Ray Data, against the model in this process."""
    # Loads torch: only where it is needed.
    from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder

    embed = _needed(_parts(context).embed, "stage", "embedding")
    settings = LibrarySettings().embedding
    plan = EmbeddingPlan(portions, rounds)
    report = bench_embedding(plan, embed, lambda: SentenceTransformerEmbedder(settings))
    _show("embedding", report, out, as_json)


@bench_app.command("ocr")
def ocr(
    context: typer.Context,
    files: Files = 4,
    pages: Pages = 4,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Scanned pages/s through the OCR lane of ingestion, against tesseract alone on all cores."""
    lane = _needed(_parts(context).read_scans, "OCR lane", "ocr")
    _show("ocr", bench_ocr(OcrPlan(files, pages, rounds), lane), out, as_json)


@bench_app.command("speech")
def speech(
    context: typer.Context,
    recordings: Recordings = 4,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Speech recognised per second by the lane of ingestion, against faster-whisper alone."""
    lane = _needed(_parts(context).hear, "speech lane", "speech")
    alone = _needed(_parts(context).hear_alone, "model", "speech")
    _show("speech", bench_speech(SpeechPlan(recordings, rounds), lane, alone), out, as_json)


@bench_app.command("serving")
def serving(
    context: typer.Context,
    clients: ServingClients = 32,
    requests: Requests = 10_000,
    rounds: Rounds = 3,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Requests/s of an application that does nothing, behind HAProxy and Ray Serve."""
    noop = _needed(_parts(context).noop, "Serve", "serving")
    with noop() as served:
        report = bench_serving(ServingPlan(clients, rounds, requests), served)
    _show("serving", report, out, as_json)


@bench_app.command("growth")
def growth(
    size: Sizes = None,
    rounds: Rounds = 3,
    searches: GrowthSearches = 100,
    clients: GrowthClients = 4,
    folder: Folder = None,
    fill_only: FillOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Searches, commits, memory and starts at several sizes of a synthetic corpus."""
    plan = GrowthPlan(tuple(size or _SIZES), rounds, searches, clients)
    if fill_only:
        if folder is None:
            raise EvaluationError("--fill-only needs --folder, the place where the corpora stay")
        fill_growth(plan, folder)
        return
    _show("growth", bench_growth(plan, folder), out, as_json)


@bench_app.command("graph")
def graph(
    entities: Entities = 50_000,
    passages: Passages = 100_000,
    relations: Relations = 200_000,
    queries: Annotated[int, typer.Option(min=20, help="Queries, one after another.")] = 2_000,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """The graph stage of a search with a large synthetic dictionary, in this process."""
    report = bench_graph(GraphPlan(entities, passages, relations, queries))
    _show("graph", report, out, as_json)


@bench_app.command("shards")
def shards(
    size: Annotated[int, typer.Option(min=1_000, help="Vectors.")] = 1_000_000,
    count: Annotated[
        list[int] | None,
        typer.Option("--shards", min=1, help="Numbers of shards; 1, 2 and 4 by default."),
    ] = None,
    rounds: Rounds = 3,
    questions: Annotated[int, typer.Option(min=20, help="Questions in a round.")] = 200,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Synthetic vectors in one index and in shards: recall, times and memory, in this process."""
    report = bench_shards(ShardsPlan(size, tuple(count or (1, 2, 4)), questions, rounds))
    _show("shards", report, out, as_json)


@bench_app.command("engines")
def engines(
    context: typer.Context,
    chunks: Annotated[int, typer.Option(min=1_000, help="Passages in the corpus.")] = 20_000,
    rounds: Rounds = 3,
    searches: Annotated[
        int, typer.Option(min=20, help="Searches of each kind per round and side.")
    ] = 100,
    changes: Annotated[
        int, typer.Option(min=100, help="Passages that the engines then have to catch up with.")
    ] = 5_000,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Searches with Elasticsearch and Neo4j beside the embedded default; how fast both follow."""
    start = _needed(_parts(context).engines, "engine", "engines")
    with start() as addresses:
        report = bench_engines(EnginesPlan(chunks, rounds, searches, changes), addresses)
    _show("engines", report, out, as_json)


@bench_app.command("peers")
def peers(
    context: typer.Context,
    dataset: Collection = SAMPLE,
    only: Only = None,
    url: Url = None,
    api_key: ApiKey = None,
    clients: Clients = None,
    rounds: Rounds = 3,
    searches: Searches = 200,
    files: MixedFiles = 300,
    set_up_only: SetUpOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """The mesh beside txtai's API and Haystack behind Hayhooks: searching, and ingesting."""
    from retrieval.embedding.model import model_folder

    # Known before a mesh of its own takes another home.
    settings, parts = LibrarySettings(), _parts(context)
    library = parts.sample_library
    # Whatever is wrong with the call is told before anything is installed.
    ours = _needed(parts.ingest_files, "ingestion", "peers") if only is not Part.SEARCH else None
    asked = EvaluateParts(library) if library else None
    collection = named_collection(dataset, asked) if only is not Part.INGEST else None
    found = set_up(settings.home / "peers", model_folder(settings.embedding))
    if collection is not None and not set_up_only:
        plan = PeersPlan(tuple(clients or (1, 16)), rounds, searches)
        report = compare_search(plan, collection, found, _mesh(context, url), api_key)
        _show("peers-search", report, out, as_json)
    if ours is not None and not set_up_only:
        ingested = compare_ingest(PeersIngestPlan(files, rounds), found, ours)
        _show("peers-ingest", ingested, out, as_json)


@bench_app.command("all")
def all_benchmarks(
    context: typer.Context, url: Url = None, out: Out = None, as_json: AsJson = False
) -> None:
    """All but growth, graph, shards, engines, speech, ocr and peers, with their defaults."""
    search(context, url, out=out, as_json=as_json)
    ingest(context, out=out, as_json=as_json)
    embedding(context, out=out, as_json=as_json)
    serving(context, out=out, as_json=as_json)


def _parts(context: typer.Context) -> BenchParts:
    """Return what the caller passed in; nothing where this does not run as `pmoves bench`."""
    return context.obj if isinstance(context.obj, BenchParts) else BenchParts()


def _needed(part: T | None, what: str, command: str) -> T:
    if part is None:
        message = f"there is no {what} to measure; run this as `pmoves bench {command}`"
        raise EvaluationError(message)
    return part


def _mesh(context: typer.Context, url: str | None) -> AbstractContextManager[MeshAddress]:
    own = _parts(context).mesh
    if url is None and own is not None:
        return own()
    return nullcontext(MeshAddress(url or _DEFAULT_URL, LibrarySettings().corpus_uri))


def _show(
    name: str,
    report: Report,
    out: Path | None,
    as_json: bool,
) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    typer.echo(report.model_dump_json() if as_json else f"{report.to_text()}\n")
