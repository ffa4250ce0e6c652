"""Files that fetched pages lie in until they are stored."""

import shutil
import time
from pathlib import Path

_OLD_S = 86_400.0


def discard_old(folder: Path) -> None:
    """Remove what jobs that were killed have left below `folder` more than a day ago."""
    for left in folder.iterdir() if folder.is_dir() else ():
        try:
            old = time.time() - left.stat().st_mtime > _OLD_S
        except OSError:
            continue
        if old:
            shutil.rmtree(left, ignore_errors=True)
