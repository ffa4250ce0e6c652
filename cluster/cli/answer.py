"""`pmoves answer`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, Url, access, settings
from cluster.cli.output import print_json, remark, say
from cluster.cli.search import Namespaces, citation, search_request

if TYPE_CHECKING:
    from retrieval.answering.wire import AnswerResponse, Citation


def answer(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to answer.")],
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=200, help="Passages to find.")] = 10,
    namespace: Namespaces = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Let the language model answer from your documents, with sources for each sentence."""
    loaded = settings()
    names = namespace or [loaded.search.namespace]
    request = search_request(query=question, k=k, namespaces=names)
    with access(loaded, url) as corpus:
        response = corpus.answer(request)
    if as_json:
        print_json(response)
    else:
        _print(response)


def _print(response: "AnswerResponse") -> None:
    numbers = _numbers(response)
    for sentence in response.sentences:
        marks = "".join(f"[{numbers[_key(each)]}]" for each in sentence.citations)
        say(f"{sentence.text} {marks}")
    if not response.known:
        say(response.answer)
    hits = {(hit.namespace, hit.chunk_id): hit for hit in response.hits}
    for key, number in numbers.items():
        say(f"[{number}] {citation(hits[key])}")
    if response.dropped:
        remark(f"left out: {response.dropped} that named no passage")
    for part in response.degraded:
        remark(f"without {part.stage}: {part.reason}")


def _numbers(response: "AnswerResponse") -> dict[tuple[str, str], int]:
    """Number the cited passages from 1, in the order in which they are first named."""
    keys = [_key(each) for sentence in response.sentences for each in sentence.citations]
    return {key: number for number, key in enumerate(dict.fromkeys(keys), 1)}


def _key(cited: "Citation") -> tuple[str, str]:
    return cited.namespace, cited.chunk_id
