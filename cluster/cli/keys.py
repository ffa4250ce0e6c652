"""`pmoves keys`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from retrieval.state.keys import ApiKey, KeyRequest, KeyStore

keys_app = typer.Typer(no_args_is_help=True, help="API keys: who may do what over HTTP.")

RoleName = Annotated[
    Literal["read", "ingest", "publish", "admin"],
    typer.Option("--role", help="What the key may do; admin may do everything."),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Where; may be repeated. Else: all."),
]
Label = Annotated[str, typer.Option("--name", metavar="TEXT", help="Whom or what it is for.")]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="WHEN", help="12h, 30d, 8w, or a date: 2027-01-31."),
]
Rate = Annotated[
    int | None, typer.Option("--rate", min=1, max=1_000_000, help="Requests a minute at most.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, as listed.")]


@keys_app.command("create")
def create(
    role: RoleName,
    namespace: Namespaces = None,
    name: Label = "",
    expires: Expires = None,
    rate: Rate = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: it cannot be shown again. From the first key on, all need one.

    The key alone goes to standard output, so that `KEY=$(pmoves keys create --role read)` works.
    """
    request = _request(role, namespace, name, expires, rate)
    with _store() as store:
        key, token = store.create(request)
    if as_json:
        print_json(_shown(key) | {"key": token})
        return
    say(token)
    remark(f"id {key.key_id}, role {key.role}; keep the key, it is not shown again")


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys there ever were, without their secrets."""
    with _store() as store:
        found = [_shown(key) for key in store.all()]
    if as_json:
        print_json({"keys": found})
        return
    columns = ("key_id", "name", "role", "namespaces", "rate_limit", "state", "expires_at")
    rows = [[_cell(column, key[column]) for column in columns] for key in found]
    print_table([column.upper() for column in columns], rows)


@keys_app.command("revoke")
def revoke(key_id: KeyId, as_json: AsJson = False) -> None:
    """End a key for good; a running mesh refuses it within seconds."""
    with _store() as store:
        key = store.revoke(key_id)
    print_json(_shown(key)) if as_json else say(f"{key.key_id} is revoked")


@contextmanager
def _store() -> "Iterator[KeyStore]":
    from retrieval.state.keys import KeyStore

    store = KeyStore(settings().state_url)
    try:
        yield store
    finally:
        store.close()


def _request(
    role: str, namespaces: list[str] | None, name: str, expires: str | None, rate: int | None
) -> "KeyRequest":
    from pydantic import ValidationError

    from cluster.cli.moments import moment
    from cluster.errors import UsageError
    from retrieval.state.keys import KeyRequest

    values = {
        "role": role,
        "name": name,
        "namespaces": tuple(namespaces) if namespaces else None,
        "rate_limit": rate,
        "expires_at": moment(expires) if expires else None,
    }
    try:
        return KeyRequest.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        option = str(fault["loc"][0]).removesuffix("s")
        raise UsageError(f"--{option}: {fault['msg']}") from error


def _shown(key: "ApiKey") -> dict[str, object]:
    from retrieval.chunk import utc_now

    return key.model_dump(mode="json") | {"state": key.state(utc_now())}


def _cell(column: str, value: object) -> object:
    if column == "namespaces":
        return ", ".join(value) if isinstance(value, list) else "all"
    return "" if value is None else value
