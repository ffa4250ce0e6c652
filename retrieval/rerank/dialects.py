"""How servers are asked for scores over HTTP, and how they answer.

Each dialect says where it is asked below a base address, how many passages one call may
hold, what is sent, and in which forms scores come back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from retrieval.chunk import JsonValue
from retrieval.errors import StageError
from retrieval.settings import RerankSettings

Body = dict[str, JsonValue]
Ask = Callable[[RerankSettings, str, list[str]], Body]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server: `path` of the call, what `ask` sends, most passages `per_call`."""

    path: str
    ask: Ask
    per_call: int

    def url(self, settings: RerankSettings) -> str:
        """Return the address of the call below `settings.url`, or that itself if it is one."""
        path = self.path.format(function=settings.function)
        base = settings.url.rstrip("/")
        last = path.rsplit("/", 1)[1]
        return base if base.endswith(f"/{last}") else base + path


def _cohere(settings: RerankSettings, query: str, passages: list[str]) -> Body:
    return {
        "model": settings.model,
        "query": query,
        "documents": list(passages),
        "top_n": len(passages),
    }


def _jina(settings: RerankSettings, query: str, passages: list[str]) -> Body:
    return _cohere(settings, query, passages) | {"return_documents": False}


def _tei(settings: RerankSettings, query: str, passages: list[str]) -> Body:
    raw = settings.scores == "logit"
    return {"query": query, "texts": list(passages), "raw_scores": raw, "truncate": True}


def _vllm(settings: RerankSettings, query: str, passages: list[str]) -> Body:
    # -1: what is longer than the model reads is cut, as the other servers do.
    return {
        "model": settings.model,
        "text_1": query,
        "text_2": list(passages),
        "truncate_prompt_tokens": -1,
    }


def _tensorzero(settings: RerankSettings, query: str, passages: list[str]) -> Body:
    return {"query": query, "documents": list(passages)}


DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect("/v1/rerank", _cohere, 100),
    "cohere": Dialect("/v2/rerank", _cohere, 100),
    "jina": Dialect("/v1/rerank", _jina, 100),
    # Its own limit of a batch from a client, unless it was started with another.
    "tei": Dialect("/rerank", _tei, 32),
    "vllm": Dialect("/score", _vllm, 100),
    "tensorzero": Dialect("/functions/{function}/invoke", _tensorzero, 100),
}


def read_scores(answer: JsonValue, count: int, whose: str) -> list[float]:
    """Return the scores in `answer` in the order of the `count` passages.

    Scores come as a list of numbers, or of objects with `index` and `relevance_score` or
    `score`; the list is the answer itself or its `results`, `scores` or `data`. Raises
    `StageError` naming `whose` answer it was, unless each passage has exactly one.
    """
    entries = _entries(answer)
    if entries is None:
        raise StageError(f"{whose} answered without results, scores or data")
    if len(entries) != count:
        raise StageError(f"{whose} gave {len(entries)} scores for {count} passages")
    found: dict[int, float] = {}
    for at, entry in enumerate(entries):
        place, score = _entry(entry, at)
        if not isinstance(score, int | float) or isinstance(score, bool):
            raise StageError(f"{whose} gave no number as score {at}: {str(entry)[:100]}")
        if not isinstance(place, int) or not 0 <= place < count or place in found:
            raise StageError(f"{whose} gave a wrong index in score {at}: {str(entry)[:100]}")
        found[place] = float(score)
    return [found[place] for place in range(count)]


def _entries(answer: JsonValue) -> Sequence[JsonValue] | None:
    if isinstance(answer, list):
        return answer
    if isinstance(answer, dict):
        for name in ("results", "scores", "data"):
            found = answer.get(name)
            if isinstance(found, list):
                return found
    return None


def _entry(entry: JsonValue, at: int) -> tuple[JsonValue, JsonValue]:
    if not isinstance(entry, dict):
        return at, entry
    score = entry["relevance_score"] if "relevance_score" in entry else entry.get("score")
    return entry.get("index", at), score
