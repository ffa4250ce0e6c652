"""Generated pages are those that their module makes now."""

from collections.abc import Callable

import pytest

from cluster.api_reference import api_reference
from cluster.cli_reference import cli_reference
from cluster.settings_reference import settings_reference
from tests.docs.pages import read_page


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("settings", settings_reference),
        ("api", api_reference),
        ("cli", cli_reference),
    ],
)
def test_page_is_current(name: str, make: Callable[[], str]) -> None:
    stored = read_page(f"docs/{name}.md").text
    assert stored == make(), f"run: python -m cluster.{name}_reference > docs/{name}.md"
