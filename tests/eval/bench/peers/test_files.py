"""The mixed files that both sides ingest."""

from collections import Counter
from pathlib import Path

from data_jobs.parse.registry import parse_file
from eval.bench.peers.files import write_files


def test_a_quarter_of_each_format_and_all_can_be_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "files", 8, seed=1)
    files = sorted(folder.iterdir())
    assert Counter(file.suffix for file in files) == {".pdf": 2, ".docx": 2, ".html": 2, ".md": 2}
    for file in files:
        _, parsed = parse_file(file)
        words = " ".join(block.text for block in parsed.blocks).split()
        assert 400 < len(words) < 650


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    first, again, other = (
        write_files(tmp_path / name, 4, seed)
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    for file in first.iterdir():
        _, parsed = parse_file(file)
        assert parse_file(again / file.name)[1].blocks == parsed.blocks
        assert parse_file(other / file.name)[1].blocks != parsed.blocks
