"""Sessions of browsers, which send no API key by themselves: a cookie that opens pages, no more.

A session is `<key id>.<end>.<signature>`, the end in seconds since 1970, signed by the
digest of its key. So nothing is stored, each replica knows it, and it ends with its key.
"""

import re
from collections.abc import Callable
from datetime import datetime

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from retrieval.chunk import utc_now
from retrieval.state.keys import ApiKey, Credential
from serve_apps.keyring import KeyRing, refused
from serve_apps.policy import Rule

_SESSION = re.compile(r"([0-9a-f]{16})\.([0-9]{1,12})\.([0-9a-f]{64})")
_METHODS = frozenset({"GET", "HEAD"})


class Sessions:
    """Begins sessions and knows them again.

    Cookies are shared by all ports of a host; `port` in the name keeps two meshes apart.
    """

    def __init__(
        self, keyring: KeyRing, seconds: int, port: int, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.seconds = seconds
        self.cookie = f"pmoves_session_{port}"
        self._keyring = keyring
        self._now = now

    def begin(self, credential: Credential) -> str:
        """Return a new session of a key that was shown."""
        key_id, end = credential.key.key_id, int(self._now().timestamp()) + self.seconds
        return f"{key_id}.{end}.{credential.signature(_said(key_id, end))}"

    def given(self, scope: Scope, rule: Rule) -> str | None:
        """Return the session that a request shows, if a session counts for it."""
        if not rule.page or scope["method"] not in _METHODS:
            return None
        if "authorization" in Headers(scope=scope):
            return None
        return HTTPConnection(scope).cookies.get(self.cookie)

    async def key(self, session: str) -> ApiKey:
        """Return the key behind a session; raises as `KeyRing.authenticate` does."""
        parts = _SESSION.fullmatch(session)
        left = int(parts[2]) - self._now().timestamp() if parts else 0
        # Whoever has the key could sign a longer one.
        if parts is None or not 0 < left <= self.seconds:
            raise refused("This session has ended; sign in again.")
        said = _said(parts[1], int(parts[2]))
        found = await self._keyring.shown(parts[1], lambda key: key.signed(said, parts[3]))
        return found.key


def _said(key_id: str, end: int) -> str:
    return f"pages of evaluations:{key_id}:{end}"
