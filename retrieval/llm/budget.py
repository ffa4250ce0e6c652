"""How many tokens may be spent."""

import time
from collections import deque
from collections.abc import Callable

from retrieval.llm.errors import BudgetSpentError

_HOUR = 3_600.0


class TokenBudget:
    """Grants `per_hour` tokens in any hour, and `in_all`; 0: no limit. Use it in one thread.

    What a call costs is known when it is over: the last one may go beyond the limit.
    """

    def __init__(
        self, per_hour: int, in_all: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_hour = per_hour
        self._in_all = in_all
        self._clock = clock
        self._spent: deque[tuple[float, int]] = deque()
        self._hour = 0
        self.total = 0

    def require(self) -> None:
        """Raise `BudgetSpentError` where nothing is left."""
        self._forget()
        if self._in_all and self.total >= self._in_all:
            raise BudgetSpentError(
                f"the {self._in_all} tokens of llm.tokens_per_job are spent ({self.total})"
            )
        if self._per_hour and self._hour >= self._per_hour:
            wait = self._spent[0][0] + _HOUR - self._clock()
            raise BudgetSpentError(
                f"the {self._per_hour} tokens of llm.tokens_per_hour are spent; the first come "
                f"back in {wait:.0f} s"
            )

    def spend(self, tokens: int) -> None:
        """Note that `tokens` were spent."""
        self._spent.append((self._clock(), tokens))
        self._hour += tokens
        self.total += tokens

    def _forget(self) -> None:
        while self._spent and self._spent[0][0] <= self._clock() - _HOUR:
            self._hour -= self._spent.popleft()[1]
