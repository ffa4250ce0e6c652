"""What a commit has to write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from retrieval.chunk import Chunk
from retrieval.corpus.schema import chunk_hash

ChunkKey = tuple[str, str]
DocumentKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows and documents of one commit that differ from what is stored.

    `changed` counts the chunks that are new or different, `rows` are the positions
    of those to write, and `replaced` the documents whose other chunks must go.
    """

    changed: int
    rows: list[int]
    replaced: set[DocumentKey]


def document_key(chunk: Chunk) -> DocumentKey:
    """Return the key of the document that `chunk` belongs to."""
    return chunk.namespace, chunk.doc_id


def find_changes(
    chunks: Sequence[Chunk],
    replaced: Collection[DocumentKey],
    hashes: Mapping[ChunkKey, str],
    stored: Mapping[DocumentKey, set[str]],
) -> Changes:
    """Compare `chunks` with the stored content hashes and chunk ids per document.

    A replaced document with any difference is written whole: so two writers of
    the same document touch the same rows, and one of them has to start again.
    """
    changed = {
        at
        for at, chunk in enumerate(chunks)
        if (stored_as := hashes.get((chunk.namespace, chunk.chunk_id))) is None
        or stored_as != chunk_hash(chunk)
    }
    given: dict[DocumentKey, set[str]] = {key: set() for key in replaced}
    differing = set[DocumentKey]()
    for at, chunk in enumerate(chunks):
        if (key := document_key(chunk)) in given:
            given[key].add(chunk.chunk_id)
            differing |= {key} if at in changed else set()
    differing |= {key for key, ids in given.items() if stored.get(key, set()) - ids}
    rows = [
        at for at, chunk in enumerate(chunks) if at in changed or document_key(chunk) in differing
    ]
    return Changes(len(changed), rows, differing)
