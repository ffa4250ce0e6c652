"""`pmoves events`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from cluster.settings import Settings
    from publishing.events.outbox import Outbox

events_app = typer.Typer(no_args_is_help=True, help="Events about documents, and their webhooks.")

State = Annotated[
    Literal["waiting", "delivered", "dead"] | None,
    typer.Option("--state", help="Only deliveries in this state."),
]
TopicName = Annotated[str | None, typer.Option("--topic", help="Only events of this topic.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Most lines.")]
EventIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENT_ID", help="Events to send to every webhook again."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Those of the last 12h, 30d, 8w, or from a date."),
]


@events_app.command("list")
def list_events(
    state: State = None, topic: TopicName = None, limit: Most = 100, as_json: AsJson = False
) -> None:
    """List deliveries, those of the newest events first; `--state dead` are given up."""
    from publishing.events.deliveries import Deliveries

    with _outbox() as outbox:
        found = Deliveries(outbox).list(state, topic, limit)
    if as_json:
        print_json({"deliveries": [each.model_dump(mode="json") for each in found]})
        return
    columns = ("event_id", "topic", "state", "attempts", "url", "error")
    rows = [[getattr(each, column) or "" for column in columns] for each in found]
    print_table([column.upper() for column in columns], rows)


@events_app.command("replay")
def replay(
    event_ids: EventIds = None, state: State = None, since: Since = None, as_json: AsJson = False
) -> None:
    """Deliver events once more, under their own ids; a running mesh does so within seconds."""
    from cluster.cli.moments import past_moment
    from cluster.errors import UsageError
    from publishing.events.deliveries import Deliveries

    if not (event_ids or state or since):
        raise UsageError("name events, or choose them by --state or --since.")
    moment = past_moment(since) if since else None
    with _outbox() as outbox:
        urls = settings().events.webhooks
        count = Deliveries(outbox).replay(urls, event_ids or [], state, moment)
    print_json({"replayed": count}) if as_json else say(f"{count} deliveries wait again")


@events_app.command("deliver")
def deliver(as_json: AsJson = False) -> None:
    """Deliver what is due, once, where no mesh runs that does so by itself."""
    from publishing.events.outbox import Outbox
    from publishing.events.relay import Relay
    from retrieval.corpus.store import Corpus

    loaded = settings()
    relay = Relay(Outbox(loaded.state_url), loaded.events, loaded.fetch)
    try:
        done = relay.run(Corpus.open_existing(loaded.corpus_uri).ledger)
    finally:
        relay.close()
    if as_json:
        print_json({"delivered": done.delivered, "failed": done.failed})
        return
    say(f"{done.delivered} delivered, {done.failed} failed")


@events_app.command("secret")
def secret(as_json: AsJson = False) -> None:
    """Make a key that signs events, for `events.secret` and for whoever receives them."""
    import base64
    import secrets

    made = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    if as_json:
        print_json({"secret": made})
    else:
        say(made)
    remark("set it as PMOVES_EVENTS__SECRET; nothing was stored")


@contextmanager
def _outbox(loaded: "Settings | None" = None) -> "Iterator[Outbox]":
    from publishing.events.outbox import Outbox

    outbox = Outbox((loaded or settings()).state_url)
    try:
        yield outbox
    finally:
        outbox.close()
