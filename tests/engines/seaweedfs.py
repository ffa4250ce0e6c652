"""A real S3: SeaweedFS from its pip package, or the store at `PMOVES_TEST_S3_URL`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.engines import seaweedfs as start
from cluster.engines.seaweedfs import ObjectStore
from tests.engines.process import elsewhere, needed

__all__ = ["ObjectStore", "seaweedfs"]


@contextmanager
def seaweedfs(folder: Path) -> Iterator[ObjectStore]:
    """Run SeaweedFS in `folder` until the block ends, or use the store that is named.

    Its keys come from `PMOVES_TEST_S3_ACCESS_KEY_ID` and `PMOVES_TEST_S3_SECRET_ACCESS_KEY`.
    """
    if url := elsewhere("s3"):
        key = os.environ.get("PMOVES_TEST_S3_ACCESS_KEY_ID", "")
        yield ObjectStore(url, key, os.environ.get("PMOVES_TEST_S3_SECRET_ACCESS_KEY", ""))
        return
    with needed(), start.seaweedfs(folder) as store:
        yield store
