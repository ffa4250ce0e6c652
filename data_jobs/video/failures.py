"""Why a step did not find anything, and whether asking again makes sense."""

import re
from typing import Literal

from data_jobs.video.base import VideoFacts

Class = Literal["final", "absent", "later"]
# Nobody else will have the video, however often one asks.
_FINAL = re.compile(
    r"private video|video is private|has been removed|removed by|copyright|"
    r"account (?:associated with this video )?has been (?:terminated|closed)|"
    r"no longer available|does not exist|status 404|(?:webpage|page|content): http error 404",
    re.IGNORECASE,
)
# The one who was asked cannot give it; somebody else may.
_ABSENT = re.compile(
    r"no captions|no video formats|requested format is not available|only images are available|"
    r"unsupported url|no suitable extractor|members-only|sign in to confirm your age",
    re.IGNORECASE,
)


class Failure(Exception):
    """A step of the chain came to nothing.

    `final`: the video is gone, and the chain ends. `absent`: this one has it not.
    `later`: it may work another time; that alone counts against the step.
    """

    def __init__(self, kind: Class, reason: str, facts: VideoFacts | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = " ".join(reason.split())[:300]
        self.facts = facts or VideoFacts()


def failure_of(reason: str, facts: VideoFacts | None = None) -> Failure:
    """Return the failure that a message of a platform or of yt-dlp means."""
    if _FINAL.search(reason):
        return Failure("final", reason, facts)
    return Failure("absent" if _ABSENT.search(reason) else "later", reason, facts)
