"""What a camera writes into its pictures (EXIF 2.32, JEITA CP-3451)."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from data_jobs.parse.base import MetadataValue

if TYPE_CHECKING:
    from PIL import Image

_EXIF, _GPS = 0x8769, 0x8825
_MAKE, _MODEL, _CHANGED, _DESCRIPTION, _ARTIST = 0x010F, 0x0110, 0x0132, 0x010E, 0x013B
_TAKEN, _LENS = 0x9003, 0xA434
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

Metadata = dict[str, MetadataValue | None]


def exif_metadata(image: "Image.Image", gps: bool) -> Metadata:
    """Return camera, lens, author and time of a picture, and with `gps` its place in degrees."""
    try:
        exif = image.getexif()
        shot = exif.get_ifd(_EXIF)
        place = exif.get_ifd(_GPS) if gps else {}
    except (OSError, ValueError, SyntaxError, KeyError, TypeError):
        return {}
    make, model = _text(exif.get(_MAKE)), _text(exif.get(_MODEL))
    # Many makers repeat their name in that of the model.
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return {
        "camera": camera,
        "lens": _text(shot.get(_LENS)),
        "author": _text(exif.get(_ARTIST)),
        "description": _text(exif.get(_DESCRIPTION)),
        "created_at": _time(_text(shot.get(_TAKEN) or exif.get(_CHANGED))),
        **_place(place),
    }


def described(metadata: Mapping[str, Any]) -> str:
    """Return a sentence about a picture without text, so that its file can be found."""
    parts = [f"Picture without text, {metadata['width']} × {metadata['height']} pixels"]
    parts += [f"taken {metadata['created_at']}"] * bool(metadata.get("created_at"))
    parts += [f"with {metadata['camera']}"] * bool(metadata.get("camera"))
    about = metadata.get("description")
    return ", ".join(parts) + (f". {about}" if about else "")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.replace("\x00", " ").strip() if isinstance(value, str) else ""


def _time(text: str) -> str | None:
    """Return ``2026:11:30 10:00:00`` as ``2026-11-30T10:00:00``."""
    day, _, clock = text.partition(" ")
    day = day.replace(":", "-")
    valid = len(day) == 10 and day[:4].isdigit() and day[:4] != "0000"
    return f"{day}T{clock}" if valid and len(clock) == 8 else None


def _place(place: Mapping[int, Any]) -> Metadata:
    with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError, IndexError):
        latitude = _degrees(place[_LATITUDE], str(place[_LATITUDE_REF]) == "S")
        longitude = _degrees(place[_LONGITUDE], str(place[_LONGITUDE_REF]) == "W")
        return {"latitude": latitude, "longitude": longitude}
    return {}


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    found = degrees + minutes / 60 + seconds / 3_600
    return round(-found if negative else found, 6)
