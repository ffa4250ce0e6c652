"""Answers on disk, and evaluations that are interrupted."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import EvaluationError
from eval.evaluate import Options, evaluate
from eval.journal import Journal, StoredAnswer, StoredHit
from retrieval.query import Mode, SearchRequest, SearchResponse
from tests.eval.scripted import Answers, ScriptedSystem

DATASET = Dataset(
    "many",
    tuple(DatasetDocument(f"d{number}", f"text {number}") for number in range(20)),
    {f"q{number}": f"query {number}" for number in range(20)},
    {f"q{number}": {f"d{number}": 1} for number in range(20)},
)
MODES: tuple[Mode, ...] = ("hybrid", "dense")
ANSWERS: Answers = {(f"query {n}", mode): [f"d{n}"] for n in range(20) for mode in MODES}


class Interrupted(Exception):
    """Stands for a process that ends."""


class UnluckySystem(ScriptedSystem):
    """Ends after so many searches."""

    def __init__(self, searches: int) -> None:
        super().__init__(ANSWERS)
        self.left = searches

    async def search(self, request: SearchRequest) -> SearchResponse:
        if self.left == 0:
            raise Interrupted
        self.left -= 1
        return await super().search(request)


def options(folder: Path) -> Options:
    """Return options that keep a journal in `folder`."""
    return Options(modes=MODES, concurrency=3, journals=folder)


async def test_answers_that_are_stored_are_not_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        await evaluate(DATASET, UnluckySystem(27), options(tmp_path))
    (journal,) = tmp_path.iterdir()
    assert len(journal.read_bytes().splitlines()) == 1 + 27
    second = ScriptedSystem(ANSWERS)
    found = await evaluate(DATASET, second, options(tmp_path))
    assert len(second.requests) == 40 - 27
    whole = await evaluate(DATASET, ScriptedSystem(ANSWERS), options(tmp_path / "other"))
    assert found.run.modes["hybrid"].values == whole.run.modes["hybrid"].values
    assert found.run.modes["dense"].values == whole.run.modes["dense"].values
    assert found.journal is not None
    assert found.journal.file == journal


async def test_another_question_is_another_evaluation(tmp_path: Path) -> None:
    await evaluate(DATASET, ScriptedSystem(ANSWERS), options(tmp_path))
    plain = options(tmp_path)
    others = [
        replace(plain, depth=50),
        replace(plain, namespace="mine"),
        replace(plain, explain=True),
    ]
    for number, other in enumerate(others, 2):
        system = ScriptedSystem(ANSWERS)
        await evaluate(DATASET, system, other)
        assert len(system.requests) >= 40
        assert len(list(tmp_path.iterdir())) == number


async def test_other_passages_of_the_same_documents_are_another_evaluation(tmp_path: Path) -> None:
    parsed = replace(DATASET, source_hash="bytes-of-files")
    with pytest.raises(Interrupted):
        await evaluate(parsed, UnluckySystem(27), options(tmp_path))
    cut = [replace(each, passages=("text", each.doc_id)) for each in DATASET.documents]
    system, told = ScriptedSystem(ANSWERS), list[str]()
    otherwise = replace(parsed, documents=tuple(cut))
    await evaluate(otherwise, system, options(tmp_path), lambda stage, *_: told.append(stage))
    assert len(system.requests) == 40
    assert "answered before" not in told
    await evaluate(parsed, system, options(tmp_path), lambda stage, *_: told.append(stage))
    assert len(system.requests) == 40 + 40 - 27
    assert "answered before" in told


async def test_a_place_that_holds_nothing_is_an_error_and_not_remembered(tmp_path: Path) -> None:
    elsewhere = replace(DATASET, documents=())
    with pytest.raises(EvaluationError, match="no query of many found anything scripted"):
        await evaluate(elsewhere, ScriptedSystem({}), options(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_no_more_than_so_many_searches_at_once() -> None:
    class Counting(ScriptedSystem):
        now = most = 0

        async def search(self, request: SearchRequest) -> SearchResponse:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return await super().search(request)

    system = Counting(ANSWERS)
    await evaluate(DATASET, system, Options(modes=["hybrid"], concurrency=3))
    assert system.most == 3


def answer(query_id: str) -> StoredAnswer:
    return StoredAnswer(
        mode="hybrid",
        query_id=query_id,
        seconds=0.5,
        degraded=["dense"],
        hits=[StoredHit(doc_id="a", score=1.0)],
    )


def test_a_torn_line_is_dropped_and_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    journal = Journal(file, "print")
    journal.add(answer("q1"))
    journal.add(answer("q2"))
    journal.close()
    file.write_bytes(file.read_bytes()[:-10])
    again = Journal(file, "print")
    assert len(again) == 1
    assert again.find("hybrid", "q1") == answer("q1")
    assert again.find("hybrid", "q2") is None
    assert again.find("dense", "q1") is None
    again.add(answer("q2"))
    again.close()
    whole = Journal(file, "print")
    assert len(whole) == 2
    whole.close()


def test_a_file_that_tore_in_its_first_line_begins_again(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_bytes(b'{"finger')
    journal = Journal(file, "print")
    journal.add(answer("q1"))
    journal.close()
    assert len(file.read_bytes().splitlines()) == 2


def test_the_journal_of_another_evaluation_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    Journal(file, "print").close()
    with pytest.raises(EvaluationError, match="belongs to another evaluation"):
        Journal(file, "other")


def test_a_line_that_is_no_answer_is_named(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    Journal(file, "print").close()
    with file.open("a") as out:
        out.write('{"query_id": "q1"}\n')
    with pytest.raises(EvaluationError, match=r"some\.jsonl:2: no stored answer"):
        Journal(file, "print")


async def test_the_same_evaluation_twice_at_once(tmp_path: Path) -> None:
    found = await asyncio.gather(
        *(evaluate(DATASET, ScriptedSystem(ANSWERS), options(tmp_path)) for _ in range(3))
    )
    journals = [each.journal for each in found]
    assert len({journal.file for journal in journals if journal}) == 3
    assert len(list(tmp_path.iterdir())) == 3
    for journal in journals:
        assert journal is not None
        assert len(journal) == 40
        journal.file.unlink()
        journal.close()
    again = await evaluate(DATASET, ScriptedSystem(ANSWERS), options(tmp_path))
    assert again.journal is not None
    assert again.journal.file.stem.count("-") == 0
