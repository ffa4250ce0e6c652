"""Running a backfill at the times of a cron expression."""

import time
from collections.abc import Callable
from datetime import datetime

from retrieval.cron import next_time

_LONGEST_NAP_S = 60.0


def keep_time(
    expression: str,
    zone: str,
    run: Callable[[], None],
    now: Callable[[], datetime],
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Call `run` at each moment that `expression` names, until an exception ends it.

    A run that takes longer than the pause makes the moments in between be left out, so
    that no two runs meet.
    """
    while True:
        due = next_time(expression, zone, now())
        # The clock may be set, and a machine may sleep: naps are short.
        while (left := (due - now()).total_seconds()) > 0:
            wait(min(left, _LONGEST_NAP_S))
        run()
