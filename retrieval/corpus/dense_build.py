"""Since when the vector index of a corpus is to be built anew.

The wish stands in the corpus itself, so that every process that searches it learns of it,
on whatever machine. Its number is a time in milliseconds since 1970, 0 where nobody has
wished for anything.
"""

import time

import lance

_KEY = "pmoves:dense"


def wanted_build(dataset: lance.LanceDataset) -> int:
    """Return the number of the newest wish that a version of the chunks table knows of."""
    return int(dataset.config().get(_KEY, "0"))


def want_build(dataset: lance.LanceDataset) -> int:
    """Wish for a new build, which makes a new version of the table; return its number."""
    number = max(time.time_ns() // 1_000_000, wanted_build(dataset) + 1)
    dataset.update_config({_KEY: str(number)})
    return number
