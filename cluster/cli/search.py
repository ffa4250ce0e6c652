"""`pmoves search`."""

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cluster.cli.excerpt import excerpt
from cluster.cli.options import AsJson, Url, access, settings
from cluster.cli.output import print_json, remark, say

if TYPE_CHECKING:
    from retrieval.query import Hit, SearchRequest, SearchResponse, StageScore

_PREVIEW = 300

Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Where to search; may be repeated."),
]


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.")],
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=200, help="Passages.")] = 10,
    namespace: Namespaces = None,
    mode: Annotated[
        Literal["hybrid", "dense", "lexical"], typer.Option(help="Which retrievers.")
    ] = "hybrid",
    explain: Annotated[bool, typer.Option("--explain", help="Say why each hit is there.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Search, and print ranked passages with their sources."""
    loaded = settings()
    names = namespace or [loaded.search.namespace]
    request = search_request(query=query, k=k, namespaces=names, mode=mode, explain=explain)
    with access(loaded, url) as corpus:
        response = corpus.search(request)
    if as_json:
        print_json(response)
    else:
        _print(response)


def search_request(**fields: Any) -> "SearchRequest":
    """Return the request of a search; `UsageError` names what is wrong with it."""
    from pydantic import ValidationError

    from cluster.errors import UsageError
    from retrieval.query import SearchRequest

    try:
        return SearchRequest(**fields)
    except ValidationError as error:
        raise UsageError(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'query'}: {fault['msg']}"
        for fault in error.errors()
    )


def _print(response: "SearchResponse") -> None:
    for rank, hit in enumerate(response.hits, 1):
        say(f"{rank}. {hit.score:.3f}  {citation(hit)}")
        say(_indented(hit.text, " ".join([response.query, *response.corrections.values()])))
        if hit.explain:
            say(f"   {reason(hit)}")
    if not response.hits:
        remark("nothing found")
    for word, other in response.corrections.items():
        remark(f"{word}: read as {other}, since no passage has it")
    for part in response.degraded:
        remark(f"without {part.stage}: {part.reason}")


def citation(hit: "Hit", name: str = "") -> str:
    """Where a passage stands: title, place inside the document, and its source or `name`."""
    source = hit.source
    places = [
        f"page {source.page}" if source.page else None,
        f"slide {source.slide}" if source.slide else None,
        f"sheet {source.sheet}" if source.sheet else None,
        f"at {_clock(source.t_start)}" if source.t_start is not None else None,
        source.heading,
    ]
    return " · ".join(filter(None, [source.title or hit.doc_id, *places, name or source.uri]))


def reason(hit: "Hit") -> str:
    """Which side found a passage, and at which rank."""
    if hit.explain is None:
        return ""
    sides = [("dense", hit.explain.dense), ("lexical", hit.explain.lexical)]
    found = [_side(name, stage) for name, stage in sides]
    boosts = [f"{name} {value:+.3f}" for name, value in hit.explain.boosts.items()]
    return ", ".join([*found, f"fusion {hit.explain.fusion}", *boosts])


def _side(name: str, stage: "StageScore | None") -> str:
    if stage is None or stage.rank is None:
        return f"{name}: not found"
    score = "" if stage.score is None else f" ({stage.score:.3f})"
    return f"{name}: rank {stage.rank}{score}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _indented(text: str, query: str) -> str:
    if not sys.stdout.isatty():
        return f"   {' '.join(text.split())}"
    width = max(40, shutil.get_terminal_size().columns)
    short = excerpt(text, query, _PREVIEW)
    return textwrap.fill(short, width, initial_indent="   ", subsequent_indent="   ")
