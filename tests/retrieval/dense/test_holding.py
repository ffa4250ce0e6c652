import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from retrieval.dense.holding import Share


@pytest.mark.parametrize("of", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("pattern", ["doc-{}", "{:08}", "ns/a/{}#0", "ü{}"])
def test_each_row_belongs_to_one_of_about_equal_shares(of: int, pattern: str) -> None:
    ids = pa.array([pattern.format(at) for at in range(4_000)])
    names = pa.array(["books"] * len(ids))
    owned = np.stack([Share(number, of).owns(names, ids) for number in range(of)])
    assert (owned.sum(axis=0) == 1).all()
    assert owned.sum(axis=1).min() > 0.8 * len(ids) / of


def test_a_namespace_has_a_place_of_its_own_for_each_id() -> None:
    ids = pa.array([f"c-{at}" for at in range(1_000)])
    one, other = (Share(0, 2).owns(pa.array([name] * 1_000), ids) for name in ("a", "b"))
    assert 300 < (one != other).sum() < 700


def test_every_process_agrees() -> None:
    code = (
        "import pyarrow as pa; from retrieval.dense.holding import Share; "
        "ids = pa.array([f'c-{at}' for at in range(20)]); "
        "print(Share(1, 3).owns(pa.array(['ns'] * 20), ids).nonzero()[0].tolist())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ids = pa.array([f"c-{at}" for at in range(20)])
    here = Share(1, 3).owns(pa.array(["ns"] * 20), ids).nonzero()[0].tolist()
    assert told.stdout.strip() == str(here)
