"""Cutting a document into chunks: structure first, then the model's tokens."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from data_jobs.chunking.context import SEPARATOR, context_header, readable_name
from data_jobs.chunking.outline import Group, Place, groups
from data_jobs.chunking.passages import Passage, PassageCutter
from data_jobs.chunking.text import clean, is_spaced
from data_jobs.chunking.tokens import TokenCounter
from data_jobs.parse.base import ParsedDocument
from data_jobs.settings import ChunkingSettings
from retrieval.chunk import Chunk, JsonValue, Locator
from retrieval.errors import InvalidInputError
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import chunk_id, content_hash

_LEAST_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """What all chunks of one document share; `name` is its file's name."""

    namespace: str
    doc_id: str
    source: str
    name: str
    media_type: str = "text/plain"
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)


class Chunker:
    """Cuts documents into chunks that the embedding model reads to their end.

    What stands in one section, page, slide or sheet comes together up to
    `settings.size` tokens. What is longer is cut at sentences, lines, rows or
    cues, and at words where those are too long; only a word that no chunk can
    hold is cut itself. Raises `InvalidInputError` when the model reads too little.
    """

    def __init__(
        self, tokenizer: Tokenizer, identity: EmbeddingIdentity, settings: ChunkingSettings
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._counter = TokenCounter(tokenizer)
        prefix = identity.passage_prefix
        self._additive = self._counter.additive and prefix[-1:].strip() == ""
        used = self._counter.special_tokens + self._counter.cost(prefix)
        self._room = identity.max_tokens - used
        if self._room < 3 * _LEAST_TOKENS:
            raise InvalidInputError(
                f"the model {identity.model!r} reads {identity.max_tokens} tokens, of which "
                f"{max(self._room, 0)} are left for a chunk; at least {3 * _LEAST_TOKENS} are "
                "needed: take another model or a shorter passage_prefix"
            )

    def chunks(self, document: ParsedDocument, origin: Origin) -> list[Chunk]:
        """Return the chunks of `document` in reading order, with ids that are always the same."""
        title = clean(document.title or "")
        shown = title or readable_name(origin.name)
        found: list[Chunk] = []
        for group in groups(document.blocks):
            section = _section_id(origin.doc_id, group.place)
            for context, passage in self._passages(group, shown):
                found.append(
                    Chunk(
                        namespace=origin.namespace,
                        doc_id=origin.doc_id,
                        chunk_id=chunk_id(
                            origin.namespace, origin.doc_id, len(found), passage.text
                        ),
                        text=passage.text,
                        position=len(found),
                        context=context,
                        section_id=section,
                        source=origin.source,
                        title=title or origin.name,
                        media_type=origin.media_type,
                        locator=_locator(group.place, passage),
                        metadata=_metadata(origin, passage),
                    )
                )
        return found

    def _passages(self, group: Group, title: str) -> Iterator[tuple[str, Passage]]:
        """Yield the passages of `group` with their headers; only the first holds its headings."""
        first = self._context(title, group, group.titles)
        later = self._context(title, group, 0)
        taken = max(self._counter.cost(first), self._counter.cost(later))
        size = min(self._settings.size, self._room - taken)
        passages = self._cut(group, size)
        while size > 1 and self._any_too_long(group, passages, (first, later)):
            size = size * 3 // 4
            passages = self._cut(group, size)
        for number, passage in enumerate(passages):
            yield later if number else first, passage

    def _context(self, title: str, group: Group, titles: int) -> str:
        if not self._settings.context:
            return ""
        headings = group.place.headings
        above = len(headings) - titles
        most = min(self._settings.context_tokens, self._room // 3)
        return context_header(title, headings[:above], headings[above:], self._counter, most)

    def _cut(self, group: Group, size: int) -> list[Passage]:
        overlap = min(self._settings.overlap, size // 2)
        seconds = self._settings.cue_seconds
        return list(PassageCutter(self._counter, size, overlap, seconds).passages(group.blocks))

    def _any_too_long(
        self, group: Group, passages: list[Passage], contexts: tuple[str, str]
    ) -> bool:
        """Say whether the model would cut a passage, where the sum of words does not tell."""
        spaced = all(is_spaced(block.text) for block in group.blocks)
        if self._additive and spaced and not any(passage.torn for passage in passages):
            return False
        longest = max(contexts, key=len)
        texts = [f"{self._identity.passage_prefix}{longest}\n{part.text}" for part in passages]
        return max(self._counter.exact(texts)) > self._identity.max_tokens


def _metadata(origin: Origin, passage: Passage) -> Mapping[str, JsonValue]:
    told = {"confidence": passage.confidence, "speaker": passage.speaker}
    known = {name: value for name, value in told.items() if value is not None}
    return {**origin.metadata, **known} if known else origin.metadata


def _locator(place: Place, passage: Passage) -> Locator:
    return Locator(
        page=place.page,
        slide=place.slide,
        sheet=place.sheet,
        heading=SEPARATOR.join(place.headings) or None,
        t_start=passage.t_start,
        t_end=passage.t_end,
    )


def _section_id(doc_id: str, place: Place) -> str | None:
    """Return the id of the section, or of the slide, sheet or page where there are no headings."""
    if place == Place():
        return None
    page = None if place.headings or place.slide else place.page
    key = [place.headings, place.repeat, place.slide, place.sheet, page]
    return content_hash(doc_id, json.dumps(key))[:32]
