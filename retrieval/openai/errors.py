"""What goes wrong with a server."""

from retrieval.errors import StageError


class RefusedError(StageError):
    """The server took the call, and answered it with the HTTP `status` of an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
