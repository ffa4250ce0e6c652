"""What `scripts/install` installs."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"


def pinned(name: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==[^ ;]+", (FOLDER / name).read_text(), re.MULTILINE))


def names(name: str) -> set[str]:
    return {line.partition("==")[0] for line in pinned(name)}


def test_the_default_needs_no_pytorch() -> None:
    heavy = {"torch", "transformers", "sentence-transformers", "triton"}
    assert names("default.txt").isdisjoint(heavy)
    assert heavy <= names("sentence-transformers.txt") | names("torch.txt")
    assert not [name for name in names("default.txt") if name.startswith("nvidia")]


@pytest.mark.parametrize("name", ["sentence-transformers.txt", "dev.txt"])
def test_more_packages_leave_the_default_as_it_is(name: str) -> None:
    assert pinned("default.txt") <= pinned(name)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.txt")), ids=lambda path: path.stem)
def test_every_package_has_its_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
