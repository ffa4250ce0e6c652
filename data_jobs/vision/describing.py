"""Adding what a vision model sees to a picture that was parsed."""

from dataclasses import replace
from pathlib import Path

from data_jobs.breaker import Breaker
from data_jobs.parse.base import Block, MetadataValue, ParsedDocument
from data_jobs.parse.characters import clean_text
from data_jobs.stages.attachments import inside
from data_jobs.vision.base import PictureDescriber, VisionError
from data_jobs.vision.openai import OpenAiDescriber
from data_jobs.vision.settings import VisionSettings

DESCRIBED_BY = "described_by"
NOT_DESCRIBED = "not_described"
_FAILURES = 3
_REST_SECONDS = 60.0
_LONGEST = 10_000


class Describing:
    """Describes pictures, if the settings name a model; a picture is never worse off for it.

    After three failures in a row the model is left out for a minute.
    """

    def __init__(self, settings: VisionSettings, describer: PictureDescriber | None = None) -> None:
        self._describer = describer or (OpenAiDescriber(settings) if settings.url else None)
        self._breaker = Breaker(_FAILURES, _REST_SECONDS)

    def close(self) -> None:
        """Close the connections that are kept."""
        if self._describer is not None:
            self._describer.close()

    def described(self, document: ParsedDocument, scratch: Path) -> ParsedDocument:
        """Return `document` with the description of its picture as a passage of its own.

        Without one, the metadata says why: `not_described`.
        """
        if self._describer is None or document.picture is None:
            return document
        picture = inside(document.picture, scratch).read_bytes()
        try:
            text = self._ask(self._describer, picture)
        except VisionError as error:
            told: dict[str, MetadataValue] = {NOT_DESCRIBED: str(error)}
            if error.lasting:
                told[DESCRIBED_BY] = self._describer.name
            return replace(document, metadata={**document.metadata, **told})
        block = Block(clean_text(text[:_LONGEST]), page=1, opens=True)
        blocks = (*document.blocks, block) if block.text else document.blocks
        metadata = {**document.metadata, DESCRIBED_BY: self._describer.name}
        return replace(document, blocks=blocks, metadata=metadata)

    def _ask(self, describer: PictureDescriber, picture: bytes) -> str:
        if self._breaker.is_open():
            raise VisionError("the vision model has failed several times in a row")
        try:
            text = describer.describe(picture)
        except VisionError as error:
            if not error.lasting:
                self._breaker.failed()
            raise
        self._breaker.succeeded()
        return text
