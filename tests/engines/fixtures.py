"""The engines as fixtures of a session: each is started once, by the first test that asks."""

from collections.abc import Iterator

import pytest

from tests.engines.seaweedfs import ObjectStore, seaweedfs


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real S3 (SeaweedFS), shared by the tests, each of which makes buckets of its own."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store
