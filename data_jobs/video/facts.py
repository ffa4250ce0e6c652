"""Facts about a video out of what yt-dlp, YouTube's player and Invidious tell."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from data_jobs.video.base import VideoFacts

_STAMP = re.compile(
    r"^[ \t\-–•*(\[]*((?:\d+:)?\d{1,2}:\d{2})[)\]]?[ \t\-–:|]+(\S.*?)[ \t]*$", re.MULTILINE
)
_LONGEST = 5_000
_FEWEST_CHAPTERS = 3


def facts_of_info(info: Mapping[str, Any]) -> VideoFacts:
    """Return the facts in an info dictionary of yt-dlp."""
    day = str(info.get("upload_date") or "")
    chapters = [
        (_number(each.get("start_time")), _text(each.get("title")))
        for each in info.get("chapters") or []
        if each.get("title")
    ]
    return VideoFacts(
        title=_text(info.get("title")),
        channel=_text(info.get("channel") or info.get("uploader")),
        channel_url=_text(info.get("channel_url") or info.get("uploader_url")),
        published=f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else "",
        duration=_number(info.get("duration")),
        language=_text(info.get("language")),
        description=_text(info.get("description")),
        thumbnail=_text(info.get("thumbnail")),
        tags=_texts(info.get("tags")),
        chapters=tuple(chapters) or chapters_in(_text(info.get("description"))),
    )


def facts_of_player(response: Mapping[str, Any]) -> VideoFacts:
    """Return the facts in a response of YouTube's player, as companions pass it on."""
    details = response.get("videoDetails") or {}
    more = (response.get("microformat") or {}).get("playerMicroformatRenderer") or {}
    pictures = (details.get("thumbnail") or {}).get("thumbnails") or []
    description = _text(details.get("shortDescription"))
    return VideoFacts(
        title=_text(details.get("title")),
        channel=_text(details.get("author")),
        channel_url=_channel(details.get("channelId")),
        published=_text(more.get("publishDate"))[:10],
        duration=_number(details.get("lengthSeconds")),
        description=description,
        thumbnail=_text(pictures[-1].get("url")) if pictures else "",
        tags=_texts(details.get("keywords")),
        chapters=chapters_in(description),
    )


def facts_of_invidious(answer: Mapping[str, Any]) -> VideoFacts:
    """Return the facts in an answer of Invidious' `/api/v1/videos/ID`."""
    pictures = answer.get("videoThumbnails") or []
    description = _text(answer.get("description"))
    return VideoFacts(
        title=_text(answer.get("title")),
        channel=_text(answer.get("author")),
        channel_url=_channel(answer.get("authorId")),
        duration=_number(answer.get("lengthSeconds")),
        description=description,
        thumbnail=_text(pictures[0].get("url")) if pictures else "",
        tags=_texts(answer.get("keywords")),
        chapters=chapters_in(description),
    )


def chapters_in(description: str) -> tuple[tuple[float, str], ...]:
    """Return the chapters that a description lists by time, as YouTube itself reads them."""
    found = [(_seconds(stamp), title) for stamp, title in _STAMP.findall(description)]
    in_order = all(one[0] < other[0] for one, other in itertools.pairwise(found))
    begins = bool(found) and found[0][0] == 0
    return tuple(found) if begins and in_order and len(found) >= _FEWEST_CHAPTERS else ()


def _seconds(stamp: str) -> float:
    seconds = 0
    for part in stamp.split(":"):
        seconds = seconds * 60 + int(part)
    return float(seconds)


def _channel(channel_id: object) -> str:
    return f"https://www.youtube.com/channel/{channel_id}" if channel_id else ""


def _text(value: object) -> str:
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def _texts(values: object) -> tuple[str, ...]:
    given: Sequence[object] = values if isinstance(values, list) else ()
    return tuple(text for value in given[:100] if (text := _text(value)[:100]))


def _number(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 0.0
