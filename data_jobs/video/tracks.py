"""Choosing one of several caption tracks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Track:
    """Captions in one language at a URL; `automatic` says that the platform recognised them."""

    url: str
    language: str
    automatic: bool = False


def best_track(
    tracks: Iterable[Track], languages: Sequence[str], automatic: bool = True
) -> Track | None:
    """Return the track in the best of `languages`, written by people where there is one.

    A language takes its regions in: "en" also "en-GB". "*" stands for any language.
    """
    usable = [track for track in tracks if track.url and (automatic or not track.automatic)]
    for by_machine in (False, True):
        for language in languages:
            for track in usable:
                if track.automatic == by_machine and _fits(track.language, language):
                    return track
    return None


def _fits(own: str, wanted: str) -> bool:
    return (
        wanted == "*"
        or own.lower() == wanted.lower()
        or own.lower().startswith(f"{wanted.lower()}-")
    )
