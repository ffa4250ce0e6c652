"""API keys: who may do what, in which namespaces, until when, and how often.

A key is `pmk_<id>_<secret>`. The id is public and finds the row; of the secret,
256 random bits, only the SHA-256 is kept. A slow hash would add nothing: it makes
the guessing of short passwords dear, and nobody guesses 256 random bits. A fast one
lets every request be checked.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from retrieval.chunk import utc_now
from retrieval.errors import InvalidInputError
from retrieval.query import Namespace
from retrieval.state.database import METADATA, open_database

Role = Literal["read", "ingest", "publish", "admin"]
KeyState = Literal["active", "expired", "revoked"]
# What each role may do; an ingest key looks at what it has stored.
GRANTS: Mapping[Role, frozenset[Role]] = {
    "read": frozenset({"read"}),
    "ingest": frozenset({"read", "ingest"}),
    "publish": frozenset({"read", "publish"}),
    "admin": frozenset({"read", "ingest", "publish", "admin"}),
}
_TOKEN = re.compile(r"pmk_([0-9a-f]{16})_([0-9a-f]{64})")
_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("namespaces", sa.JSON(none_as_null=True)),
    sa.Column("rate_limit", sa.Integer),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.String(40)),
    sa.Column("revoked_at", sa.String(40)),
)


class KeyRequest(BaseModel):
    """What a new key is to be: `namespaces` None means all, `rate_limit` is requests a minute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    name: Annotated[str, StringConstraints(max_length=128)] = ""
    namespaces: Annotated[tuple[Namespace, ...], Field(min_length=1, max_length=64)] | None = None
    rate_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    expires_at: AwareDatetime | None = None


class ApiKey(KeyRequest):
    """A key as everybody may see it, without its secret."""

    key_id: str
    created_at: datetime
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> KeyState:
        """Say whether the key can be used at `now`, and why not."""
        if self.revoked_at is not None:
            return "revoked"
        expired = self.expires_at is not None and self.expires_at <= now
        return "expired" if expired else "active"

    def may(self, role: Role) -> bool:
        """Say whether the key's role includes `role`."""
        return role in GRANTS[self.role]

    def sees(self, namespace: str) -> bool:
        """Say whether the key is for `namespace`."""
        return self.namespaces is None or namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, and the digest by which its secret is known again."""

    key: ApiKey
    digest: str

    def fits(self, secret: str) -> bool:
        """Say whether `secret` is the key's, in the same time whatever it is."""
        return hmac.compare_digest(_digest(secret), self.digest)

    def signature(self, text: str) -> str:
        """Return a signature of `text`, 64 hexadecimal digits, that only this key's row makes."""
        return hmac.new(self.digest.encode(), text.encode(), hashlib.sha256).hexdigest()

    def signed(self, text: str, signature: str) -> bool:
        """Say whether `signature` is that of `text`, in the same time whatever it is."""
        return hmac.compare_digest(self.signature(text), signature)


class KeyStore:
    """The keys of one mesh, in its state database. The calls block."""

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create(self, request: KeyRequest) -> tuple[ApiKey, str]:
        """Store a new key; return it with its token, which nobody can tell again."""
        if request.expires_at is not None and request.expires_at <= utc_now():
            raise InvalidInputError(f"a key cannot expire in the past ({request.expires_at})")
        secret = secrets.token_hex(32)
        key = ApiKey(**dict(request), key_id=secrets.token_hex(8), created_at=utc_now())
        row = key.model_dump(mode="json") | {"digest": _digest(secret)}
        with self._engine.begin() as connection:
            connection.execute(_KEYS.insert().values(row))
        return key, f"pmk_{key.key_id}_{secret}"

    def credentials(self) -> list[Credential]:
        """Return every key there ever was, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(_KEYS.select().order_by(_KEYS.c.created_at)).all()
        return [_credential(dict(row._mapping)) for row in rows]

    def all(self) -> list[ApiKey]:
        """Return every key there ever was, oldest first, without digests."""
        return [credential.key for credential in self.credentials()]

    def usable(self) -> bool:
        """Say whether at least one key can be used now."""
        now = utc_now()
        return any(key.state(now) == "active" for key in self.all())

    def revoke(self, key_id: str) -> ApiKey:
        """End a key for good; `InvalidInputError` where there is none of that id."""
        found = _KEYS.c.key_id == key_id
        ended = {"revoked_at": utc_now().isoformat()}
        with self._engine.begin() as connection:
            connection.execute(
                _KEYS.update().where(found, _KEYS.c.revoked_at.is_(None)).values(ended)
            )
            row = connection.execute(_KEYS.select().where(found)).first()
        if row is None:
            raise InvalidInputError(f"there is no key {key_id!r}; `pmoves keys list` shows them")
        return _credential(dict(row._mapping)).key


def split_token(token: str) -> tuple[str, str] | None:
    """Return the id and the secret of a token, or None where it is none."""
    found = _TOKEN.fullmatch(token)
    return (found[1], found[2]) if found else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _credential(row: dict[str, Any]) -> Credential:
    digest: str = row.pop("digest")
    return Credential(ApiKey.model_validate(row), digest)
