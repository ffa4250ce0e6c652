"""An embedder replica that dies with a call costs the caller nothing but time."""

import numpy as np
import pytest
from ray.exceptions import ActorUnavailableError, RayError, TaskCancelledError

from retrieval.chunk import Vectors
from retrieval.errors import EmbeddingIdentityError, OverloadedError, StageError
from serve_apps import remote
from serve_apps.remote import RemoteEmbedder


class Handle:
    """A handle whose calls fail one after the other, and then answer."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0
        self.embed_queries = self.embed_passages = self

    def remote(self, texts: list[str], _carrier: object) -> "Answer":
        self.calls += 1
        return Answer(len(texts), self._errors.pop(0) if self._errors else None)


class Answer:
    """What a call will have given."""

    def __init__(self, count: int, error: Exception | None) -> None:
        self._count = count
        self._error = error

    def __await__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        yield from ()
        if self._error is not None:
            raise self._error
        return np.ones((self._count, 3), dtype=np.float32)

    def cancel(self) -> None:
        """Nothing to do."""


def lost() -> RayError:
    return ActorUnavailableError("gone", None)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0, 0.0))


async def embed(handle: Handle) -> Vectors:
    return await RemoteEmbedder(handle).embed_queries(["a", "b"])  # type: ignore[arg-type]


async def test_a_call_that_a_replica_took_along_is_made_again() -> None:
    handle = Handle(lost(), lost())
    assert (await embed(handle)).shape == (2, 3)
    assert handle.calls == 3


async def test_it_gives_up_with_an_error_of_ours() -> None:
    handle = Handle(*(lost() for _ in range(9)))
    with pytest.raises(StageError, match="the embedder does not answer: ActorUnavailableError"):
        await embed(handle)
    assert handle.calls == 4


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OverloadedError("full"), OverloadedError),
        (TaskCancelledError(), StageError),
        (EmbeddingIdentityError("'letters', but 'words' was asked for"), EmbeddingIdentityError),
    ],
)
async def test_what_another_replica_would_say_too_is_not_asked_again(
    error: Exception, told: type[Exception]
) -> None:
    handle = Handle(error)
    with pytest.raises(told):
        await embed(handle)
    assert handle.calls == 1


async def test_of_many_parts_the_first_failure_is_told() -> None:
    handle = Handle(OverloadedError("full"))
    embedder = RemoteEmbedder(handle)  # type: ignore[arg-type]
    with pytest.raises(OverloadedError, match="too much to do"):
        await embedder.embed_passages(["text"] * 600)
    assert (await embedder.embed_passages(["text"] * 600)).shape == (600, 3)
