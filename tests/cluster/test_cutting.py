"""Cutting collections anew, as ingestion would."""

import pickle

import pytest

from cluster.cutting import IngestCutter
from cluster.sample_collection import sample_library
from data_jobs.settings import JobSettings
from eval.datasets.base import Dataset, DatasetDocument
from retrieval.embedding.model import load_tokenizer
from retrieval.settings import EmbeddingSettings

MODEL = EmbeddingSettings()
TEXT = "\n\n".join(f"Paragraph {n} tells of the harbour and its boats at length." for n in range(9))
DATASET = Dataset(
    "two", (DatasetDocument("long", TEXT, "Harbours"), DatasetDocument("e", "")), {}, {}
)


def test_passages_hold_no_more_tokens_than_asked_for() -> None:
    tokenizer = load_tokenizer(MODEL)
    small, empty = IngestCutter().cut(DATASET, 24, 0, MODEL)
    (large, _) = IngestCutter().cut(DATASET, 200, 0, MODEL)
    assert len(small.passages) > len(large.passages) == 1
    for passage in small.passages:
        header, _, text = passage.partition("\n")
        assert header == "Harbours"
        assert len(tokenizer.encode(text, add_special_tokens=False)) <= 24
    assert empty.passages == ()
    assert small.text == TEXT


def test_an_overlap_repeats_the_end_of_the_passage_before() -> None:
    (apart, _) = IngestCutter().cut(DATASET, 40, 0, MODEL)
    (overlapping, _) = IngestCutter().cut(DATASET, 40, 20, MODEL)
    assert sum(map(len, overlapping.passages)) > sum(map(len, apart.passages))


def test_what_is_left_out_is_as_ingestion_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_CHUNKING__SIZE", "48")
    monkeypatch.setenv("PMOVES_CHUNKING__OVERLAP", "7")
    cutter = pickle.loads(pickle.dumps(IngestCutter()))
    assert cutter.in_force() == (48, 7)
    assert cutter.cut(DATASET, None, None, MODEL) == cutter.cut(DATASET, 48, 7, MODEL)


@pytest.mark.integration
def test_files_of_the_sample_library_are_cut_as_files() -> None:
    library, chunking = sample_library(), JobSettings().chunking
    cut = IngestCutter().cut(library, chunking.size, chunking.overlap, MODEL)
    assert tuple(cut) == library.documents
