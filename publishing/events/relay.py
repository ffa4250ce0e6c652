"""Delivering events to webhooks, at least once each, signed as Standard Webhooks asks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

from publishing.events.deliveries import Deliveries, Delivery
from publishing.events.outbox import Ledger, Outbox
from publishing.events.settings import EventSettings
from retrieval.chunk import utc_now
from retrieval.fetching.errors import FetchError
from retrieval.fetching.settings import FetchSettings

if TYPE_CHECKING:
    from retrieval.fetching.client import GuardedClient

_AT_ONCE = 8
_GONE = 410
_PURGE_S = 3_600.0
_LONGEST_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to: events confirmed late, and deliveries."""

    recovered: int = 0
    delivered: int = 0
    failed: int = 0


class Relay:
    """Delivers what is due. Several may run side by side; each delivery is claimed by one.

    A relay that is killed between a delivery and its note delivers again later, with the
    same `webhook-id`: receivers leave out ids that they know.
    """

    def __init__(self, outbox: Outbox, events: EventSettings, fetch: FetchSettings) -> None:
        self._outbox = outbox
        self.deliveries = Deliveries(outbox)
        self._settings = events
        self._fetch = fetch
        self._purge_at = 0.0
        secret = events.secret.get_secret_value()
        self._webhook = Webhook(secret) if secret else None

    def close(self) -> None:
        """Close the connections that are kept, and the outbox."""
        if "_client" in vars(self):
            self._client.close()
        self._outbox.close()

    @cached_property
    def _client(self) -> "GuardedClient":
        # Each gateway would start later, and most have no webhook.
        from retrieval.fetching.client import GuardedClient

        return GuardedClient(self._fetch)

    def run(self, ledger: Ledger) -> Round:
        """Confirm what a killed commit has left, give events out, and deliver what is due once."""
        settings = self._settings
        recovered = self._outbox.recover(ledger)
        while self.deliveries.assign(settings.webhooks, settings.topics):
            pass
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + _PURGE_S
            self._outbox.purge(utc_now() - timedelta(days=settings.keep_days))
        due = self.deliveries.claim(seconds=settings.timeout_s * 4)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(self._deliver, due))
        return Round(recovered, sum(outcomes), len(outcomes) - sum(outcomes))

    def _deliver(self, delivery: Delivery) -> bool:
        """Make one try; say whether the webhook has taken the event."""
        if self._webhook is None or delivery.url not in self._settings.webhooks:
            self.deliveries.failed(delivery, "this URL is no longer among the webhooks", None)
            return False
        try:
            answer = self._client.fetch(
                delivery.url,
                method="POST",
                headers=self._headers(delivery, body := _body(delivery)),
                content=body,
                max_bytes=_LONGEST_ANSWER,
                timeout_s=self._settings.timeout_s,
                redirects=0,
            )
        except FetchError as error:
            return self._failed(delivery, str(error))
        if not answer.ok:
            final = answer.status == _GONE
            return self._failed(delivery, f"answered with status {answer.status}", final=final)
        self.deliveries.delivered(delivery)
        return True

    def _failed(self, delivery: Delivery, error: str, *, final: bool = False) -> bool:
        settings = self._settings
        dead = final or delivery.attempts + 1 >= settings.attempts
        pause = min(settings.longest_pause_s, settings.first_pause_s * 2.0**delivery.attempts)
        # Spread, so that what failed together does not come back together.
        self.deliveries.failed(delivery, error, None if dead else pause * random.uniform(0.8, 1.2))
        return False

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        assert self._webhook is not None
        now = utc_now()
        return {
            "content-type": "application/json",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(delivery.event_id, now, body.decode()),
        }


def _body(delivery: Delivery) -> bytes:
    return json.dumps(delivery.envelope, separators=(",", ":"), sort_keys=True).encode()
