"""What all replicas of the gateway have counted, as one text for Prometheus.

A scrape comes in by the one port and reaches one replica, which asks the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from prometheus_client.metrics_core import Metric
from ray import serve

from serve_apps.exposition import expose
from serve_apps.metrics import Metrics

_log = logging.getLogger(__name__)

Families = Sequence[Metric]
Counted = tuple[str, Families]
"""A replica and its metrics."""
AskAll = Callable[[], Awaitable[Sequence[Counted | BaseException]]]
# Prometheus itself gives a target ten seconds.
_PATIENCE_S = 2.0


class ReplicaMetrics:
    """The metrics of this replica and, by `ask_all`, of the others."""

    def __init__(self, own: Metrics, replica: str, ask_all: AskAll | None = None) -> None:
        self._own = own
        self._replica = replica
        self._ask_all = ask_all or _Siblings()

    def counted(self) -> Counted:
        """Return the id of this replica, and its metrics."""
        return self._replica, list(self._own.registry.collect())

    async def expose(self) -> bytes:
        """Return the metrics of all replicas, each with the label `replica`.

        A replica that fails is left out; where not all answer in time, there are only our own.
        """
        told = dict([self.counted()])
        try:
            answers = await self._ask_all()
        except Exception as error:
            _log.warning("these are the metrics of this replica alone: %r", error)
        else:
            told |= dict(answer for answer in answers if not isinstance(answer, BaseException))
        return expose(told)


class _Siblings:
    """Calls `counted` of every replica of the deployment that this process is one of."""

    def __init__(self) -> None:
        self._handle: Any = None

    async def __call__(self) -> Sequence[Counted | BaseException]:
        if self._handle is None:
            here = serve.get_replica_context()
            get_handle = partial(serve.get_deployment_handle, here.deployment, here.app_name)
            self._handle = await asyncio.to_thread(get_handle)
        answers = self._handle.broadcast("counted")
        found: Sequence[Counted | BaseException] = await answers.results_async(
            timeout_s=_PATIENCE_S, return_exceptions=True
        )
        return found
