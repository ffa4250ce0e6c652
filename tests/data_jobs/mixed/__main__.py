"""`python -m tests.data_jobs.mixed FOLDER`: the set, ingested under fire, and what came of it."""

import argparse
import json
import random
import sys
import time
from pathlib import Path

from tests.data_jobs.mixed.checks import Stored, faults
from tests.data_jobs.mixed.hostile import HOSTILE
from tests.data_jobs.mixed.library import write_set
from tests.data_jobs.mixed.runs import ingest


def main() -> int:
    """Write the set, ingest it, and print what is wrong; the exit code says whether it is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="an empty folder for the set and the corpus")
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    library = options.folder / "files"
    library.mkdir(parents=True)
    started = time.monotonic()
    planned = write_set(library, options.files, options.seed, tuple(HOSTILE))
    print(f"{len(planned)} files written in {time.monotonic() - started:.0f} s")
    home = options.folder / "home"
    runs = ingest(library, home, options.kills, len(planned), options.seed)
    stored = Stored.read(home)
    print(f"exit code {runs.code} after {runs.seconds:.0f} s and {runs.kills} kills")
    print(f"most memory {runs.peak_bytes / 2**20:,.0f} MiB; left over {runs.left_over}")
    print(json.dumps(stored.reasons()))
    wrong = faults(planned, stored)
    print(*wrong, f"{len(wrong)} faults", sep="\n")
    return 1 if wrong or runs.left_over else 0


if __name__ == "__main__":
    sys.exit(main())
