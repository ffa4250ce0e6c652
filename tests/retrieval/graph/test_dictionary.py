"""Merging rows of curated dictionaries into entities."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.entity import Alias, Entity
from retrieval.errors import InvalidInputError
from retrieval.graph.dictionary import Dictionary
from retrieval.graph.dictionary_rows import (
    COLUMNS,
    DictionaryRow,
    example_path,
    read_rows,
    rows_of,
    write_rows,
)

_NAMES = st.sampled_from(["Dark Side", "DARKSIDE", "Dárk-side", "Pine", "pine", "PI", "pi", "π"])
_ROWS = st.lists(
    st.builds(
        DictionaryRow,
        persona_slug=st.sampled_from(["", "dark-side", "pine", "Pi"]),
        persona_name=_NAMES,
        alias=st.one_of(st.just(""), _NAMES),
        confidence=st.sampled_from([0.0, 0.5, 1.0]),
        notes=st.sampled_from(["", "a, b", 'he said "x"\nand left']),
        entity_type=st.sampled_from(["", "place"]),
    ),
    max_size=12,
)


def merged(*rows: DictionaryRow) -> list[Entity]:
    dictionary = Dictionary("ns")
    for row in rows:
        dictionary.add(row)
    return list(dictionary)


def row(name: str, alias: str = "", **fields: str) -> DictionaryRow:
    return DictionaryRow.model_validate({"persona_name": name, "alias": alias} | fields)


def test_case_spacing_and_accents_make_no_new_entity() -> None:
    (entity,) = merged(
        row("Björk", "Guðmundsdóttir"), row("BJORK", "Bjork G."), row("b jörk", "bjork g")
    )
    assert (entity.entity_id, entity.name, entity.type) == ("bjork", "Björk", "PERSONA")
    assert [alias.name for alias in entity.aliases] == ["Guðmundsdóttir", "bjork g"]


def test_the_slug_goes_before_the_name_and_types_are_kept_apart() -> None:
    found = merged(
        row("One", persona_slug="a"),
        row("Two", "Second", persona_slug="A"),
        row("One", entity_type="place"),
    )
    assert [(entity.entity_id, entity.name, entity.type) for entity in found] == [
        ("a", "One", "PERSONA"),
        ("one", "One", "PLACE"),
    ]
    assert [alias.name for alias in found[0].aliases] == ["Second"]


def test_an_acronym_and_the_same_word_in_lower_case_are_two_aliases() -> None:
    (entity,) = merged(row("Space agency", "NASA"), row("Space agency", "nasa"))
    assert [alias.name for alias in entity.aliases] == ["NASA", "nasa"]


def test_a_merged_entity_does_not_come_back_with_the_next_import() -> None:
    rows = [row("Pine", "the wood"), row("Pinewood", "the house")]
    dictionary = Dictionary("ns", merged(*rows))
    dictionary.merge("pine", "pinewood")
    for given_again in rows:
        dictionary.add(given_again)
    (entity,) = Dictionary("ns", dictionary)
    assert set(entity.names()) == {"Pine", "the wood", "Pinewood", "the house"}


def test_aliases_are_added_and_entities_removed() -> None:
    dictionary = Dictionary("ns", merged(row("Pine"), row("Oak")))
    dictionary.add_alias("oak", Alias("quercus"))
    dictionary.remove("pine")
    (entity,) = dictionary
    assert [*entity.names()] == ["Oak", "quercus"]
    dictionary.add(row("Pine", persona_slug="pine"))
    assert [entity.entity_id for entity in dictionary] == ["oak", "pine"]


def test_what_cannot_be_changed_is_refused() -> None:
    dictionary = Dictionary("ns", merged(row("Pine")))
    with pytest.raises(InvalidInputError, match="no entity 'oak'"):
        dictionary.remove("oak")
    with pytest.raises(InvalidInputError, match="with itself"):
        dictionary.merge("pine", "pine")
    with pytest.raises(InvalidInputError, match="no letter"):
        dictionary.add_alias("pine", Alias("…"))


@pytest.mark.parametrize("ending", ["csv", "yaml"])
@given(rows=_ROWS)
def test_what_is_exported_is_imported_as_the_same(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[DictionaryRow]
) -> None:
    entities = merged(*rows)
    file = tmp_path_factory.mktemp("export") / f"all.{ending}"
    file.write_text(write_rows(rows_of(entities), "csv" if ending == "csv" else "yaml"), "utf-8")
    assert merged(*read_rows(file)) == entities


@given(_ROWS)
def test_importing_again_changes_nothing(given_rows: list[DictionaryRow]) -> None:
    # Where slugs contradict names, what a row means may depend on those before it.
    rows = [row.model_copy(update={"persona_slug": ""}) for row in given_rows]
    once = merged(*rows)
    assert merged(*rows, *rows) == once
    assert list(Dictionary("ns", once)) == once


def test_the_example_names_the_artist_and_the_studio() -> None:
    found = {entity.name: entity for entity in merged(*read_rows(example_path()))}
    assert set(found) == {"DARKXSIDE", "POWERFULMOVES"}
    assert "PMoves" in set(found["POWERFULMOVES"].names())


def test_the_predecessors_columns_are_read_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "personas.csv"
    file.write_text(
        "\ufeffpersona_slug,persona_name,alias,alias_type,source,source_reference,confidence,notes\n"
        "cat,The Cat,Kitty,nickname,book,p. 3,0.8,\n"
        "cat,The Cat,Puss,,,,,\n",
        "utf-8",
    )
    (entity,) = merged(*read_rows(file))
    assert entity == Entity(
        "ns",
        "cat",
        "The Cat",
        "PERSONA",
        (Alias("Kitty", "nickname", "book", "p. 3", 0.8), Alias("Puss")),
        "book",
        0.8,
    )
    assert COLUMNS[:8] == tuple(file.read_text("utf-8-sig").splitlines()[0].split(","))


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "persona_name,nick\nx,y\n", "line 2: unknown column 'nick'"),
        ("a.csv", "persona_name,confidence\nx,2\n", "line 2: confidence: "),
        ("a.csv", "persona_name,alias\nx,!\n", "alias: holds no letter"),
        ("a.csv", "persona_slug\nx\n", "line 2: persona_name: "),
        ("a.csv", "persona_name\nx,y\n", "line 2: unknown column"),
        ("a.yaml", "persona_name: x\n", "is a list of rows"),
        ("a.yaml", "- just text\n", "row 1: "),
        ("a.yaml", "[", "no YAML"),
        ("a.txt", "", "ends in .csv"),
    ],
)
def test_a_wrong_file_is_refused_by_line(tmp_path: Path, name: str, text: str, fault: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError) as refused:
        read_rows(tmp_path / name)
    assert fault in str(refused.value)
