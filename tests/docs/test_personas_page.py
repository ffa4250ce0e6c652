"""The page about gates: its examples are sound, and it has every field and reason."""

import json
from pathlib import Path
from typing import get_args

import sqlalchemy as sa

from eval.files import read_yaml_model
from eval.gates.contracts import FAILED, REQUEST, fault
from eval.gates.definition import Gate, GateDataset, GateFile
from eval.gates.errors import Reason
from eval.gates.tables import GATES, REQUESTS, RESULTS
from tests.docs.pages import ROOT, read_page

PAGE = read_page("docs/guide/personas.md")


def test_examples_hold_their_contracts() -> None:
    request, answer = map(json.loads, PAGE.blocks("json"))
    assert fault(request, [REQUEST]) is None
    assert fault(answer, [FAILED]) is None
    assert answer["parent_id"] == request["id"]


def test_the_example_of_a_gate_is_one_and_has_every_field(tmp_path: Path) -> None:
    (text,) = PAGE.blocks("yaml")
    file = tmp_path / "gates.yaml"
    file.write_text(text)
    (gate,) = read_yaml_model(file, GateFile).gates
    assert gate.model_fields_set == set(Gate.model_fields)
    assert gate.datasets[0].model_fields_set == set(GateDataset.model_fields)


def test_every_reason_is_explained() -> None:
    for reason in get_args(Reason):
        assert all(PAGE.row(reason))


def test_tables_and_columns() -> None:
    tables: list[sa.Table] = [GATES, REQUESTS, RESULTS]
    assert all(PAGE.row(table.name) for table in tables)
    shared = {"persona_id", "name", "version", "dataset_id"}
    names = {column.name for column in RESULTS.columns} - shared
    assert all(f"`{name}`" in PAGE.text for name in names)


def test_the_page_is_linked() -> None:
    assert "guide/personas.md" in (ROOT / "mkdocs.yml").read_text()
