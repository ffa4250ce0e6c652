"""A browser for the tests of pages."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, or one like it, driven by Playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium here: as root, scripts/programs installs Debian's")
    with api.sync_playwright() as playwright:
        # Chromium has no sandbox for root, and containers have little shared memory.
        options = ["--disable-dev-shm-usage", *([] if os.geteuid() else ["--no-sandbox"])]
        started = playwright.chromium.launch(executable_path=program, args=options)
        yield started
        started.close()
