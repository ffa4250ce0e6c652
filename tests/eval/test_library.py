"""The sample library: its formats, its build, and what its questions claim."""

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import lance
import pyarrow as pa
import pytest

from cluster.sample_collection import sample_library
from data_jobs.parse import media_types
from data_jobs.parse.base import Block, ParsedDocument
from data_jobs.parse.registry import parse_file
from eval.library import Question, library_files, load_questions
from eval.library.build import build
from eval.library.render.blocks import read_article
from eval.systems.local import LocalSystem
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.query import Mode, SearchRequest
from retrieval.settings import LibrarySettings

DOCUMENTS = sorted(path.name for path in library_files().iterdir())
QUESTIONS = load_questions()
CODE = re.compile(r"\b[A-Z]{2}-\d{4}\b")


@cache
def parsed(name: str) -> tuple[str, ParsedDocument]:
    return parse_file(library_files() / name)


def text_of(block: Block) -> str:
    return " ".join(block.text.split())


def text(name: str) -> str:
    return " ".join(map(text_of, parsed(name)[1].blocks))


def answer(question: Question) -> Block:
    """Return the block that answers, or a run of captions joined into one."""
    blocks = parsed(question.expect)[1].blocks
    return next(block for block in blocks if question.answer_contains in text_of(block))


def asked(kind: str) -> list[Question]:
    return [question for question in QUESTIONS if question.needs == kind]


def ids(questions: list[Question]) -> list[str]:
    return [question.expect for question in questions]


def test_the_library_is_small_and_holds_every_media_type() -> None:
    assert 26 <= len(DOCUMENTS) <= 30
    assert sum(path.stat().st_size for path in library_files().iterdir()) < 1_000_000
    assert {parsed(name)[0] for name in DOCUMENTS} == {
        media_types.CSV,
        media_types.DOCX,
        media_types.EPUB,
        media_types.HTML,
        media_types.MAIL,
        media_types.MARKDOWN,
        media_types.NDJSON,
        media_types.PDF,
        media_types.PLAIN,
        media_types.PPTX,
        media_types.SRT,
        media_types.VTT,
        media_types.XLSX,
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_neither_a_note_nor_a_book(name: str) -> None:
    words = re.findall(r"\w+", text(name))
    assert 200 <= len(words) <= 900


def test_the_build_gives_the_committed_bytes(tmp_path: Path) -> None:
    written = build(tmp_path)
    suffixes = {path.suffix for path in written}
    assert suffixes == {".docx", ".eml", ".epub", ".pdf", ".pptx", ".txt", ".xlsx"}
    for path in written:
        committed = library_files() / path.name
        assert path.read_bytes() == committed.read_bytes(), f"build {path.name} again"


def test_all_binary_documents_have_a_source(tmp_path: Path) -> None:
    rendered = {path.name for path in build(tmp_path)}
    binary = (".docx", ".eml", ".epub", ".pdf", ".pptx", ".xlsx")
    assert {name for name in DOCUMENTS if name.endswith(binary)} <= rendered


def test_one_text_is_utf_8_and_the_other_is_not() -> None:
    assert "Tomás" in (library_files() / "show-notes-041.md").read_text("utf-8")
    legacy = (library_files() / "location-notes-brittany.txt").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        legacy.decode("utf-8")
    assert "Île de Batz" in legacy.decode("windows-1252")
    assert "74 €" in text("location-notes-brittany.txt")


def test_mails_carry_attachments() -> None:
    mails = [name for name in DOCUMENTS if name.endswith(".eml")]
    names = [part.name for mail in mails for part in parsed(mail)[1].attachments]
    assert names == ["clip-list.csv", "spot-draft.txt"]


def test_the_questions_need_both_retrievers_and_six_formats() -> None:
    assert len(QUESTIONS) == 6
    assert len({Path(question.expect).suffix for question in QUESTIONS}) == 6
    assert len(asked("dense")) >= 2
    assert len(asked("lexical")) >= 2
    assert all(question.why.endswith(".") for question in QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=ids(QUESTIONS))
def test_the_answer_stands_in_the_expected_document_and_nowhere_else(question: Question) -> None:
    holders = [name for name in DOCUMENTS if question.answer_contains in text(name)]
    assert holders == [question.expect]


def test_the_places_of_the_answers_are_as_the_reasons_say() -> None:
    by_suffix = {Path(question.expect).suffix: answer(question) for question in QUESTIONS}
    assert by_suffix[".pdf"].page == 2
    assert by_suffix[".pptx"].kind == "notes"
    assert by_suffix[".vtt"].t_start is not None
    assert by_suffix[".xlsx"].sheet == "Outboard and recorders"


@pytest.mark.parametrize("question", asked("lexical"), ids=ids(asked("lexical")))
def test_a_lexical_question_names_a_code_that_only_its_answer_has(question: Question) -> None:
    (code,) = CODE.findall(question.question)
    assert [name for name in DOCUMENTS if code in text(name)] == [question.expect]
    assert code in text_of(answer(question))


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    """Every block of the library under a BM25 index."""
    rows = [
        {"name": name, "text": text_of(block)}
        for name in DOCUMENTS
        for block in parsed(name)[1].blocks
    ]
    folder = tmp_path_factory.mktemp("library") / "passages.lance"
    dataset = lance.write_dataset(pa.Table.from_pylist(rows), str(folder))
    dataset.create_scalar_index(
        "text", "INVERTED", language="English", stem=True, remove_stop_words=True
    )
    return dataset


def first_by_words(passages: lance.LanceDataset, question: Question) -> list[str]:
    found = passages.to_table(
        columns=["name", "_score"], full_text_query=question.question, limit=100
    )
    names: list[str] = found.sort_by([("_score", "descending")])["name"].to_pylist()
    return list(dict.fromkeys(names))[:3]


@pytest.mark.parametrize("question", asked("dense"), ids=ids(asked("dense")))
def test_words_alone_miss_a_paraphrase(passages: lance.LanceDataset, question: Question) -> None:
    assert question.expect not in first_by_words(passages, question)


@pytest.mark.parametrize(
    "question", asked("lexical") + asked("both"), ids=ids(asked("lexical") + asked("both"))
)
def test_words_find_the_other_answers(passages: lance.LanceDataset, question: Question) -> None:
    assert question.expect in first_by_words(passages, question)


@pytest.fixture(scope="module")
def first_three(
    sample_home: Path, packaged_embedder: CTranslateEmbedder
) -> Iterator[Callable[[str, Mode], list[str]]]:
    """Ask over the sample documents, which are cut and embedded with default settings."""
    system = LocalSystem(LibrarySettings(home=sample_home), embedder=packaged_embedder)
    namespace = f"eval-{sample_library().documents_hash[:16]}"

    def ask(question: str, mode: Mode) -> list[str]:
        request = SearchRequest(query=question, k=3, mode=mode, namespace=namespace)
        return [hit.doc_id for hit in runner.run(system.search(request)).hits]

    with asyncio.Runner() as runner:
        yield ask
        runner.run(system.close())


@pytest.mark.parametrize("question", QUESTIONS, ids=ids(QUESTIONS))
def test_the_search_answers_and_the_other_retriever_alone_does_not(
    first_three: Callable[[str, Mode], list[str]], question: Question
) -> None:
    found = {
        mode: question.expect in first_three(question.question, mode) for mode in get_args(Mode)
    }
    assert found == {
        "hybrid": True,
        "dense": question.needs != "lexical",
        "lexical": question.needs != "dense",
    }


def test_a_source_that_no_renderer_lays_out_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "recipe.pdf.md"
    source.write_text("---\ntitle: T\nauthor: A\ndate: 2026-01-01\n---\n\n```\ncode\n```\n")
    with pytest.raises(ValueError, match="fence, which no renderer lays out"):
        read_article(source)
