"""compose.yaml, as far as it can be judged without running it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_every_engine_is_there() -> None:
    assert SERVICES.keys() == {"elasticsearch", "meilisearch", "neo4j", "s3", "postgres", "redis"}


@pytest.mark.parametrize("name", SERVICES)
def test_an_engine_is_pinned_watched_and_on_loopback(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert [volume.split(":")[0] for volume in service["volumes"]] == [name]
    assert name in COMPOSE["volumes"]


def test_no_password_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for variable in re.findall(r"\$\{([^}]*)\}", text):
        assert re.fullmatch(r"[A-Z0-9_]+:\?.+", variable), variable
