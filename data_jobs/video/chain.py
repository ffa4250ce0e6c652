"""The chain of those who may have a transcript: each is asked until one has it.

Every step leaves a line in the log of the document, so that a person sees who was
asked and what came of it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from data_jobs.breaker import Breaker
from data_jobs.errors import SourceError, StoppedError, VideoGoneError
from data_jobs.video.base import Provider, Transcript, Video, VideoFacts, Wanted
from data_jobs.video.failures import Failure
from data_jobs.video.settings import VideoSettings
from data_jobs.web.turns import Turns
from retrieval.chunk import JsonValue
from retrieval.closing import Closing

Ask = Callable[[Video, Wanted, Path], Transcript]


@dataclass(slots=True)
class Log:
    """What became of each step, and the facts that came to light on the way."""

    steps: list[JsonValue] = field(default_factory=list)
    facts: VideoFacts = field(default_factory=VideoFacts)

    def add(self, step: str, result: str, reason: str, started: float) -> None:
        """Note one step."""
        seconds = round(time.monotonic() - started, 3)
        line: dict[str, JsonValue] = {"step": step, "result": result, "seconds": seconds}
        self.steps.append(line | ({"reason": reason} if reason else {}))


class Chain(Closing):
    """Asks `providers`, by name, in the order of the settings; safe from any thread."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: VideoSettings,
        stopping: Callable[[], bool],
        turns: Turns,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._providers = providers
        self._close = close
        self._settings = settings
        self._stopping = stopping
        self._turns = turns
        names = [f"{name} {what}" for name in providers for what in ("captions", "sound")]
        self._breakers = {
            name: Breaker(settings.breaker_failures, settings.breaker_s) for name in names
        }

    def close(self) -> None:
        """Close the connections that are kept."""
        self._close()

    def transcript(self, video: Video, wanted: Wanted, folder: Path, log: Log) -> Transcript:
        """Return what the first step that works finds, with the facts of all.

        Raises `VideoGoneError`, a `SourceError` that tells of every step, or `StoppedError`.
        """
        for name, ask in self._steps():
            if self._stopping():
                raise StoppedError
            try:
                found = self._tried(name, ask, (video, wanted, folder), log)
            except Failure as failure:
                log.facts = log.facts.completed(failure.facts)
                if failure.kind == "final":
                    raise VideoGoneError(f"{video.url} is gone: {failure.reason}") from failure
                continue
            log.facts = log.facts.completed(found.facts)
            return replace(found, facts=log.facts)
        raise SourceError(f"{video.url}: no step found a transcript: {_told(log)}")

    def _steps(self) -> Iterator[tuple[str, Ask]]:
        for step in self._settings.steps:
            if step == "audio":
                for name in self._with_sound():
                    yield f"{name} sound", self._providers[name].sound
            elif step in self._providers:
                yield f"{step} captions", self._providers[step].captions

    def _with_sound(self) -> list[str]:
        """Return who is asked for sound: who is asked for captions, or everybody."""
        named: list[str] = [step for step in self._settings.steps if step in self._providers]
        return named or list(self._providers)

    def _tried(
        self, step: str, ask: Ask, arguments: tuple[Video, Wanted, Path], log: Log
    ) -> Transcript:
        """Ask once, and again while that makes sense; raises the last `Failure`."""
        breaker, started = self._breakers[step], time.monotonic()
        if breaker.is_open():
            log.add(step, "left out", "it failed several times in a row", started)
            raise Failure("later", "left out")
        for attempt in range(self._settings.attempts):
            try:
                found = _asked(ask, arguments)
            except Failure as failure:
                last = attempt + 1 == self._settings.attempts
                if failure.kind == "later" and not last:
                    self._turns.rest(self._settings.retry_s * 2**attempt)
                    continue
                if failure.kind == "later":
                    breaker.failed()
                else:
                    breaker.succeeded()
                log.add(step, failure.kind, failure.reason, started)
                raise
            breaker.succeeded()
            log.add(step, "found", "", started)
            return found
        raise AssertionError("the last attempt returns or raises")


def _asked(ask: Ask, arguments: tuple[Video, Wanted, Path]) -> Transcript:
    try:
        return ask(*arguments)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Answers of strangers may have any shape.
        reason = f"the answer makes no sense ({type(error).__name__}: {error})"
        raise Failure("later", reason) from error


def _told(log: Log) -> str:
    """Return the steps of a log as a sentence."""
    lines = (step for step in log.steps if isinstance(step, dict))
    return "; ".join(f"{line['step']}: {line.get('reason', line['result'])}" for line in lines)
