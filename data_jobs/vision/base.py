"""What describes a picture."""

from typing import Protocol


class VisionError(Exception):
    """No description could be had. `lasting` says that asking again for this picture is no use."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class PictureDescriber(Protocol):
    """Says in words what pictures show; may be used by several threads at once."""

    name: str

    def describe(self, picture: bytes) -> str:
        """Return what a JPEG shows, as plain text; raises `VisionError`."""
        ...

    def close(self) -> None:
        """Close the connections that are kept."""
        ...
