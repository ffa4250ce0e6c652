"""Sources become files: lazily, in order, each once, and never out of bounds."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import SourceError
from data_jobs.patterns import PathFilter, PathPattern
from data_jobs.sources import (
    Selection,
    SourceFailure,
    SourceFile,
    check,
    expand,
    source_path,
    source_uri,
)
from retrieval.jobs import SourceItem

TREE = ["a.pdf", "b.txt", "talks/one.vtt", "talks/2024/two.vtt", "talks/2024/three.pdf", "zoo.md"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in [*TREE, ".hidden.txt", ".git/config", "talks/.cache/x.txt"]:
        path = tmp_path / "my files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "my files"


def names(root: Path, *uris: str, selection: Selection | None = None) -> list[str]:
    found = list(expand([SourceItem(uri=uri) for uri in uris], selection or Selection()))
    assert all(isinstance(each, SourceFile) for each in found), found
    return [str(each.path.relative_to(root)) for each in found if isinstance(each, SourceFile)]


def failures(*items: SourceItem, selection: Selection | None = None) -> list[str]:
    found = expand(items, selection or Selection())
    return [str(each.error) for each in found if isinstance(each, SourceFailure)]


def test_a_folder_gives_its_visible_files_in_order(tree: Path) -> None:
    assert names(tree, str(tree)) == sorted(TREE)
    assert names(tree, source_uri(tree)) == sorted(TREE)
    assert names(tree, str(tree), selection=Selection(recursive=False)) == [
        "a.pdf",
        "b.txt",
        "zoo.md",
    ]


def test_uris_name_the_files(tree: Path) -> None:
    found = list(expand([SourceItem(uri=str(tree / "talks"))], Selection()))
    assert [each.uri for each in found] == [
        f"file://{tree.parent}/my%20files/talks/{name}".replace("\\", "/")
        for name in ("2024/three.pdf", "2024/two.vtt", "one.vtt")
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", sorted(TREE)),
        ("*.pdf", ["a.pdf"]),
        ("**/*.pdf", ["a.pdf", "talks/2024/three.pdf"]),
        ("talks/*/t*.[pv]*", ["talks/2024/three.pdf", "talks/2024/two.vtt"]),
        ("t?lks", ["talks/2024/three.pdf", "talks/2024/two.vtt", "talks/one.vtt"]),
        (".hid*", [".hidden.txt"]),
        ("**", sorted(TREE)),
    ],
)
def test_patterns(tree: Path, pattern: str, expected: list[str]) -> None:
    assert names(tree, f"{tree}/{pattern}") == expected


def test_include_and_exclude_do_not_mind_case(tree: Path) -> None:
    chosen = Selection(files=PathFilter(["*.PDF", "talks/*.vtt"], []))
    assert names(tree, str(tree), selection=chosen) == [
        "a.pdf",
        "talks/2024/three.pdf",
        "talks/one.vtt",
    ]
    without = Selection(files=PathFilter([], ["2024", "zoo.*"]))
    assert names(tree, str(tree), selection=without) == ["a.pdf", "b.txt", "talks/one.vtt"]


def test_a_file_named_twice_comes_once(tree: Path) -> None:
    assert names(tree, f"{tree}/zoo.md", str(tree), source_uri(tree / "a.pdf")) == [
        "zoo.md",
        *sorted(TREE)[:-1],
    ]


def test_a_file_whose_name_looks_like_a_pattern_or_a_scheme(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "take[1]*.txt").write_text("x")
    (tree / "note:draft").write_text("x")
    assert names(tree, f"{tree}/take[1]*.txt") == ["take[1]*.txt"]
    monkeypatch.chdir(tree)
    assert names(tree, "note:draft") == ["note:draft"]


def test_links_in_circles_end(tree: Path) -> None:
    (tree / "talks" / "up").symlink_to(tree)
    (tree / "talks" / "self").symlink_to("self")
    (tree / "talks" / "gone").symlink_to("nowhere")
    assert names(tree, str(tree)) == sorted(TREE)


@pytest.fixture
def deep(tree: Path) -> Iterator[Path]:
    """A folder deeper than Python may recurse, removed at once for pytest's own clean-up."""
    top, depth = tree / "d", 1_200
    folder = os.open(tree, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    yield Path(str(tree) + "/d" * depth)
    subprocess.run(["rm", "-rf", str(top)], check=True)


def test_deep_folders_and_names_in_other_scripts(tree: Path, deep: Path) -> None:
    (deep / "撮影 & más#1?.txt").write_text("x")
    found = [each for each in expand([SourceItem(uri=str(tree))], Selection()) if "%23" in each.uri]
    assert len(found) == 1
    assert source_path(found[0].uri) == deep / "撮影 & más#1?.txt"


def test_listing_is_lazy(tree: Path) -> None:
    found = expand([SourceItem(uri=str(tree))], Selection())
    first = next(found)
    (tree / "talks" / "new.txt").write_text("x")
    rest = [each.uri.rpartition("/")[2] for each in found]
    assert first.uri.endswith("a.pdf")
    assert "new.txt" in rest


def test_links_out_of_the_roots_are_not_followed(tree: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("x")
    (tree / "talks" / "leak").symlink_to(secret)
    (tree / "leak.txt").symlink_to(secret / "key.txt")
    (tree / "alias.txt").symlink_to(tree / "b.txt")
    bound = Selection(roots=[tree])
    assert names(tree, str(tree), selection=bound) == sorted([*TREE, "alias.txt"])
    for uri in (str(secret), f"{tree}/leak.txt", f"{tree}/../secret/*", source_uri(secret)):
        assert "PMOVES_INGEST__ROOTS" in failures(SourceItem(uri=uri), selection=bound)[0]
    upload = SourceItem(uri="upload:key.txt", path=str(secret / "key.txt"))
    assert failures(upload, selection=bound) == []


def test_failures_name_the_source_and_stop_no_other(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    items = [
        SourceItem(uri="gopher://bucket/talks"),
        SourceItem(uri=f"{tree}/missing.pdf"),
        SourceItem(uri=f"{tree}/*.docx"),
        SourceItem(uri=f"{tree}/pipe"),
        SourceItem(uri=str(tree), doc_id="one"),
        SourceItem(uri="file://elsewhere/x"),
        SourceItem(uri="a\x00b"),
        SourceItem(uri=f"{tree}/b.txt", doc_id="kept"),
    ]
    found = list(expand(items, Selection()))
    assert [type(each) for each in found] == [SourceFailure] * 7 + [SourceFile]
    assert found[-1] == SourceFile(source_uri(tree / "b.txt"), tree / "b.txt", doc_id="kept")
    reasons = failures(*items)
    assert "'gopher' is not supported" in reasons[0]
    assert "No such file" in reasons[1]
    assert "no file matches" in reasons[2]
    assert "not an ordinary file" in reasons[3]
    assert "doc_id names one document" in reasons[4]
    assert "no path on this machine" in reasons[5]
    assert "zero byte" in reasons[6]


def test_check_finds_what_cannot_be_listed(tree: Path) -> None:
    check([SourceItem(uri=str(tree)), SourceItem(uri=f"{tree}/*.docx")])
    with pytest.raises(SourceError, match="there is nothing at"):
        check([SourceItem(uri=str(tree)), SourceItem(uri=f"{tree}/missing")])
    with pytest.raises(SourceError, match="there is nothing at"):
        check([SourceItem(uri="x" * 5_000)])


def test_an_unreadable_folder_costs_one_failure(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if Path(path).name == "talks":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(expand([SourceItem(uri=str(tree))], Selection()))
    assert [type(each) for each in found].count(SourceFailure) == 1
    assert len(found) == 4
    assert "talks" in failures(SourceItem(uri=str(tree)))[0]


@given(st.text(st.characters(exclude_characters="\x00/", codec="utf-8"), min_size=1, max_size=50))
def test_every_name_survives_the_way_through_a_uri(name: str) -> None:
    path = Path("/library") / name if name not in (".", "..") else Path("/library/x")
    assert source_path(source_uri(path)) == path


def test_names_that_are_not_unicode_survive_too() -> None:
    path = Path(os.fsdecode(b"/library/caf\xe9.txt"))
    assert source_uri(path) == "file:///library/caf%E9.txt"
    assert source_path(source_uri(path)) == path


@given(st.lists(st.sampled_from(["**", "*", "a", "b*", ".h"]), min_size=1, max_size=4), st.data())
def test_patterns_agree_with_a_plain_search(parts: list[str], data: st.DataObject) -> None:
    path = data.draw(st.lists(st.sampled_from(["a", "b", "bb", ".h", "c"]), max_size=4))

    def fits(pattern: list[str], names: list[str]) -> bool:
        if not pattern:
            return not names
        if pattern[0] == "**":
            hidden = bool(names) and names[0].startswith(".")
            return fits(pattern[1:], names) or (
                bool(names) and not hidden and fits(pattern, names[1:])
            )
        simple = {"*": lambda n: n[0] != ".", "b*": lambda n: n[0] == "b"}
        matched = bool(names) and simple.get(pattern[0], lambda n: n == pattern[0])(names[0])
        return matched and fits(pattern[1:], names[1:])

    assert PathPattern("/".join(parts)).matches("/".join(path)) == fits(parts, path)


def test_a_cruel_pattern_takes_no_time() -> None:
    pattern = PathPattern("/".join(["**", "*a*"] * 40))
    assert not pattern.matches("/".join(["aaaa"] * 60 + ["b"]))
    assert pattern.begins_with("a/a")
