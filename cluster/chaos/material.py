"""The passages that a load searches for and writes, and what an answer must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
BOOKS: Mapping[str, str] = {
    f"book{at}-0": f"Chapter about topic{at} and its history." for at in range(40)
}


_SHOWN = 3


def item(chunk_id: str, text: str, namespace: str) -> Json:
    """Return an item of an upsert; its document is what stands before the dash."""
    return {
        "doc_id": chunk_id.split("-")[0],
        "chunk_id": chunk_id,
        "text": text,
        "namespace": namespace,
    }


def book_fault(wanted: str, answer: Json) -> str | None:
    """Return what is wrong with the answer to the question for a book, None if nothing is.

    Where the side of the words is missing, another book may come first, but nothing that
    nobody stored.
    """
    if any(BOOKS.get(hit["chunk_id"]) != hit["text"] for hit in answer["hits"]):
        return f"passages that nobody stored: {_short(answer)}"
    if not _without_words(answer) and [hit["chunk_id"] for hit in answer["hits"]][:1] != [wanted]:
        return f"not {wanted} first: {_short(answer)}"
    return None


def note_fault(name: str, text: str, version: int, answer: Json) -> str | None:
    """Return what is wrong with the answer to the question for a note of `version`."""
    texts = [hit["text"] for hit in answer["hits"] if hit["chunk_id"] == name]
    fresh = answer["index_version"] >= version
    if fresh and (texts == [text] or (not texts and _without_words(answer))):
        return None
    return f"{name} of version {version} is {texts}: {_short(answer)}"


def _short(answer: Json) -> str:
    texts = {hit["chunk_id"]: hit["text"] for hit in answer["hits"][:_SHOWN]}
    told = [f"{part['stage']}: {part['reason']}" for part in answer["degraded"]]
    return (
        f"{texts} at version {answer['index_version']}, degraded {told}, "
        f"request {answer.get('request_id')}"
    )


def _without_words(answer: Json) -> bool:
    return any(part["stage"] == "lexical" for part in answer["degraded"])


@dataclass(slots=True)
class Notes:
    """What was written: of each note the text that was acknowledged last, and later attempts.

    An attempt that was not acknowledged may have been stored all the same.
    """

    acknowledged: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, set[str]] = field(default_factory=dict)

    def begin(self, name: str, text: str) -> None:
        """Note that `text` is sent."""
        self.attempts.setdefault(name, set()).add(text)

    def acknowledge(self, name: str, text: str) -> None:
        """Note that the mesh says it has stored `text`, after whatever was sent before."""
        self.acknowledged[name] = text
        self.attempts[name].discard(text)

    def fault(self, name: str, stored: str | None) -> str | None:
        """Return what is wrong with `stored`, the text of a note at the end of the load."""
        known = self.acknowledged.get(name)
        if known is None or stored == known or stored in self.attempts[name]:
            return None
        return f"{name} was acknowledged as {known!r} and is {stored!r}"
