"""The keys as a gateway knows them: in memory, read again every few seconds.

So a search costs no round trip to the database, and a key that was revoked stops
within `keys.refresh_s`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from retrieval.chunk import utc_now
from retrieval.state.keys import ApiKey, Credential, KeyStore, split_token
from serve_apps.problems import UNAUTHENTICATED, UNAVAILABLE, ProblemError
from serve_apps.state_threads import StateError

# A key that was just made is looked for once more, but guesses cost the database little.
_LOOK_PAUSE_S = 0.5
# Keys that cannot be read again are believed for so long, and no longer.
_BELIEVED_S = 60.0


class KeyRing:
    """Knows every key of the mesh; `required` asks for one even if there is none.

    `run` calls what blocks.
    """

    def __init__(
        self,
        store: KeyStore,
        required: bool,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], None]], Awaitable[None]] = asyncio.to_thread,
    ) -> None:
        self._run = run
        self._store = store
        self._required = required
        self._now = now
        self._clock = clock
        self._looked = clock()
        self.load()

    def load(self) -> None:
        """Read the keys; blocking."""
        self._known = {entry.key.key_id: entry for entry in self._store.credentials()}
        self._loaded = self._clock()

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()

    @property
    def closed(self) -> bool:
        """Whether callers need a key.

        Once there was one, they do for ever: the end of the last key opens nothing.
        """
        return self._required or bool(self._known)

    async def authenticate(self, authorization: Sequence[str]) -> ApiKey:
        """Return the key in the values of the header Authorization.

        Raises `ProblemError` 401 for one that cannot be used, and 503 where the
        keys have not been read for too long to tell.
        """
        return (await self.with_token(_bearer(authorization))).key

    async def with_token(self, token: str) -> Credential:
        """Return the key whose token this is; raises as `authenticate` does."""
        parts = split_token(token)
        if parts is None:
            raise refused("This is not a key of this mesh.")
        key_id, secret = parts
        return await self.shown(key_id, lambda credential: credential.fits(secret))

    async def shown(self, key_id: str, proof: Callable[[Credential], bool]) -> Credential:
        """Return the key `key_id` where `proof` accepts it; raises as `authenticate` does."""
        credential = await self._find(key_id)
        if self._clock() - self._loaded > _BELIEVED_S:
            raise _unknowable()
        if credential is None or not proof(credential):
            raise refused("This is not a key of this mesh.")
        self._require_usable(credential.key)
        return credential

    async def _find(self, key_id: str) -> Credential | None:
        found = self._known.get(key_id)
        if found is not None or self._clock() - self._looked < _LOOK_PAUSE_S:
            return found
        self._looked = self._clock()
        try:
            await self._run(self.load)
        except (SQLAlchemyError, StateError) as error:
            raise _unknowable() from error
        return self._known.get(key_id)

    def _require_usable(self, key: ApiKey) -> None:
        state = key.state(self._now())
        if state != "active":
            raise refused(f"This key is {state}. Ask whoever runs the mesh for another.")


def _bearer(authorization: Sequence[str]) -> str:
    if len(authorization) != 1:
        raise refused("This mesh asks for an API key: 'Authorization: Bearer KEY'.", "")
    scheme, _, token = authorization[0].strip().partition(" ")
    if scheme.lower() != "bearer":
        raise refused("This mesh asks for an API key: 'Authorization: Bearer KEY'.", "")
    return token.strip()


def _unknowable() -> ProblemError:
    detail = "The API keys cannot be read now, so that no key can be checked. Try again later."
    return ProblemError(UNAVAILABLE, detail, headers={"Retry-After": "5"})


def refused(detail: str, error: str = ', error="invalid_token"') -> ProblemError:
    """Return the problem 401 with the challenge that belongs to it."""
    challenge = f'Bearer realm="pmoves"{error}'
    return ProblemError(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})
