"""Tags that say what a picture may show.

Nothing here looks at pictures: rules about skin or colours are worthless, and a model that
is worth anything has to be downloaded. So the default tags every picture as not looked at,
and a function of yours, named by a setting, can do better.
"""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from data_jobs.errors import IngestError

if TYPE_CHECKING:
    from PIL import Image

UNCHECKED = "unchecked"


class SafetyTagger(Protocol):
    """Looks at a picture; runs in the parser process, under its limits, without secrets."""

    def __call__(self, image: "Image.Image") -> Sequence[str]:
        """Return tags, such as ``nudity`` or ``violence``; none if there is nothing to say."""
        ...


def safety_tags(image: "Image.Image", name: str) -> list[str]:
    """Return what the tagger `name` (``module:function``) says, ``unchecked`` without one."""
    return list(_tagger(name)(image)) if name else [UNCHECKED]


def _tagger(name: str) -> SafetyTagger:
    module, _, attribute = name.partition(":")
    try:
        return cast(SafetyTagger, getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise IngestError(
            f"PMOVES_INGEST__IMAGES__SAFETY names {name!r}, which cannot be imported: {error}"
        ) from error
