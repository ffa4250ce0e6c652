"""Generated pages are those that their module makes now."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.api_reference import api_reference
from cluster.cli_reference import cli_reference
from cluster.settings_reference import settings_reference


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("settings", settings_reference),
        ("api", api_reference),
        ("cli", cli_reference),
    ],
)
def test_page_is_current(root: Path, name: str, make: Callable[[], str]) -> None:
    stored = (root / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert stored == make(), f"run: python -m cluster.{name}_reference > docs/{name}.md"
