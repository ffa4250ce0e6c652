"""Chunks and blocks on their way between processes."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.parse.base import Block
from retrieval.chunk import Chunk, Locator

_TEXT = st.text(max_size=20)
_CHUNKS = st.builds(
    Chunk,
    *[_TEXT] * 4,
    title=st.none() | _TEXT,
    locator=st.builds(Locator, page=st.none() | st.integers(), t_end=st.none() | st.floats(0, 9)),
    metadata=st.dictionaries(_TEXT, st.integers() | st.lists(_TEXT)),
)
_BLOCKS = st.builds(Block, _TEXT, page=st.none() | st.integers(), opens=st.booleans())


@given(st.lists(_CHUNKS | _BLOCKS))
def test_they_come_back_as_they_were(sent: list[Chunk | Block]) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(sent, protocol)) == sent
    assert copy.deepcopy(sent) == sent


def test_metadata_that_chunks_share_stays_shared() -> None:
    told = {"a": 1}
    first, second = (Chunk("ns", "d", f"{at}", "text", metadata=told) for at in range(2))
    one, other = pickle.loads(pickle.dumps([first, second]))
    assert one.metadata is other.metadata
    with pytest.raises(AttributeError):
        one.text = "changed"
