"""How many threads a model computes with."""

import os


def model_threads(wanted: int) -> int:
    """Return `wanted`; where that is 0, half of the cores, for others compute beside it."""
    return wanted or max(1, (os.cpu_count() or 2) // 2)
