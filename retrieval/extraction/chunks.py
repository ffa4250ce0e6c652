"""From chunks to relations, with the dictionary of each namespace."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from retrieval.chunk import Chunk
from retrieval.closing import Closing
from retrieval.corpus.entities import EntityTable
from retrieval.extraction.base import RelationExtractor
from retrieval.extraction.choose import make_extractor
from retrieval.extraction.sentences import PARAGRAPH
from retrieval.graph.dictionaries import NewestDictionaries
from retrieval.graph.linking import Linker
from retrieval.relation import CO_MENTION, Relation, Statement
from retrieval.settings import LibrarySettings


class ChunkRelations:
    """Extracts the relations of chunks as the settings say; safe from any thread.

    Where a namespace has no entities, and found names do not count, nothing is done. A
    language model may spend `tokens`, or any number of them if 0.
    """

    def __init__(self, entities: EntityTable, settings: LibrarySettings, tokens: int = 0) -> None:
        self._dictionaries = NewestDictionaries(entities)
        self._settings = settings
        self._tokens = tokens
        self._found_names = settings.search.found_names

    def of(self, chunks: Sequence[Chunk]) -> list[Relation]:
        """Return what `chunks` state, each relation of a chunk once, by its surest sentence."""
        if self._settings.graph.relations == "off":
            return []
        dictionaries = self._dictionaries.get()
        by_namespace: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            by_namespace.setdefault(chunk.namespace, []).append(chunk)
        found: list[Relation] = []
        for namespace, mine in by_namespace.items():
            linker = dictionaries.linker(namespace)
            if not self._found_names:
                mine = [chunk for chunk in mine if linker.link(_read(chunk))]
            if mine:
                found += self._extracted(mine, linker)
        return found

    @cached_property
    def _extractor(self) -> RelationExtractor:
        return make_extractor(self._settings, self._tokens)

    def close(self) -> None:
        """End what the extractor holds, if there is one."""
        extractor = vars(self).get("_extractor")
        if isinstance(extractor, Closing):
            extractor.close()

    def _extracted(self, chunks: Sequence[Chunk], linker: Linker) -> Iterable[Relation]:
        statements = self._extractor.extract([_read(chunk) for chunk in chunks], linker)
        for chunk, stated in zip(chunks, statements, strict=True):
            kept = [each for each in stated if self._found_names or _known(each, linker)]
            yield from (_relation(chunk, each) for each in _surest(kept))


def _read(chunk: Chunk) -> str:
    """Return what is read of a chunk, as long as its indexed text, so that places are the same.

    The title stands before every passage of a document; it is read with the first.
    """
    if chunk.context and chunk.position == 0:
        return f"{chunk.context}{PARAGRAPH}{chunk.text}"
    return f"{' ' * len(chunk.context)}\n{chunk.text}" if chunk.context else chunk.text


def _known(statement: Statement, linker: Linker) -> bool:
    """Say whether a dictionary holds one of the names; of those that only stand together, both."""
    names = (bool(linker.named(name)) for name in (statement.subject, statement.object))
    return all(names) if statement.type == CO_MENTION else any(names)


def _surest(statements: Iterable[Statement]) -> Iterable[Statement]:
    best: dict[tuple[str, str, str], Statement] = {}
    for each in statements:
        key = each.subject, each.type, each.object
        if key not in best or best[key].confidence < each.confidence:
            best[key] = each
    return best.values()


def _relation(chunk: Chunk, each: Statement) -> Relation:
    return Relation(
        namespace=chunk.namespace,
        doc_id=chunk.doc_id,
        chunk_id=chunk.chunk_id,
        subject=each.subject,
        type=each.type,
        object=each.object,
        confidence=each.confidence,
        start=each.start,
        end=each.end,
    )
