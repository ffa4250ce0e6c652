"""Files of models: what is said of those that are none."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from eval.errors import EvaluationError
from eval.files import read_json_model, read_yaml_model


class Thing(BaseModel):
    """What the files should hold."""

    size: int


def read_json(file: Path) -> Thing:
    return read_json_model(file, Thing, noun="thing", remedy="make one")


def test_both_forms_are_read(tmp_path: Path) -> None:
    file = tmp_path / "thing"
    file.write_text('{"size": 3}')
    assert read_json(file) == read_yaml_model(file, Thing) == Thing(size=3)
    file.write_text("size: 3")
    assert read_yaml_model(file, Thing) == Thing(size=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", r"thing is no thing: size: Field required"),
        (b"{", r"thing is no thing: the file: Invalid JSON"),
        (b"\xff", r"thing is no thing: the file: Invalid JSON"),
    ],
)
def test_faults_in_json_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "thing").write_bytes(content)
    with pytest.raises(EvaluationError, match=message):
        read_json(tmp_path / "thing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"size: many", r"thing: size: Input should be a valid integer"),
        (b"- size", r"thing: the file: Input should be"),
        (b"size: [", r"thing is not YAML"),
        (b"size: \xff", r"thing is not YAML"),
        (b"size: 1\nsize: 2", r"thing is not YAML: the key 'size' stands here twice"),
    ],
)
def test_faults_in_yaml_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "thing").write_bytes(content)
    with pytest.raises(EvaluationError, match=message):
        read_yaml_model(tmp_path / "thing", Thing)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"thing cannot be read: No such file .*; make one$"):
        read_json(tmp_path / "thing")
    with pytest.raises(EvaluationError, match=r"thing cannot be read: No such file[^;]*$"):
        read_yaml_model(tmp_path / "thing", Thing)
