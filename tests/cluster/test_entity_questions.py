"""The questions that ask by nicknames and by neighbors, and what the graph does for them."""

import shutil
from pathlib import Path
from statistics import fmean

import pytest

from cluster.sample_collection import sample_library
from eval.datasets.base import Dataset
from eval.evaluate import Evaluation, Options, evaluate
from eval.library import entity_dictionary, entity_questions
from eval.systems.local import LocalSystem
from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.entity import Entity
from retrieval.graph.dictionary import Dictionary
from retrieval.graph.dictionary_rows import read_rows
from retrieval.graph.linking import Linker
from retrieval.settings import LibrarySettings


def entities(namespace: str = "library") -> list[Entity]:
    """Return the entities of the dictionary."""
    dictionary = Dictionary(namespace, ())
    for row in read_rows(entity_dictionary()):
        dictionary.add(row)
    return list(dictionary)


def mean(evaluation: Evaluation, prefix: str = "") -> float:
    """Return the mean nDCG@10 of the questions whose ids begin so."""
    values = evaluation.run.modes["hybrid"].values["nDCG@10"]
    return fmean(value for query_id, value in values.items() if query_id.startswith(prefix))


@pytest.fixture(scope="module")
def library() -> Dataset:
    """The sample library with these questions."""
    return sample_library(entity_questions())


def test_no_document_knows_a_nickname(library: Dataset) -> None:
    nicknames = Linker((alias.name, 1) for entity in entities() for alias in entity.aliases)
    # A purchase order begins with the same three letters as a company's.
    assert [
        document.doc_id
        for document in library.documents
        if any(nicknames.link(passage) for passage in document.passages)
    ] == ["invoice-2026-034.xlsx"]


def test_each_question_names_what_its_best_documents_mention(library: Dataset) -> None:
    found = entities()
    linker = Linker((name, at) for at, entity in enumerate(found) for name in entity.names())
    mentioned = {
        document.doc_id: {
            entity
            for passage in document.passages
            for link in linker.link(passage)
            for entity in link.entities
        }
        for document in library.documents
    }
    assert len(library.queries) >= 40
    for query_id, query in library.queries.items():
        asked = {entity for link in linker.link(query) for entity in link.entities}
        best = [doc_id for doc_id, grade in library.qrels[query_id].items() if grade == 2]
        assert asked
        # Others are answered where a neighbor of what they name is mentioned.
        if not query_id.startswith("hop-"):
            assert any(asked & mentioned[doc_id] for doc_id in best), query_id


@pytest.mark.integration
async def test_the_dictionary_lifts_them(
    library: Dataset,
    sample_home: Path,
    packaged_embedder: CTranslateEmbedder,
    tmp_path: Path,
) -> None:
    home = Path(shutil.copytree(sample_home, tmp_path / "home"))
    system = LocalSystem(LibrarySettings(home=home), embedder=packaged_embedder)
    options = Options(modes=["hybrid"])
    before = await evaluate(library, system, options)
    namespace = before.report.namespace
    corpus = Corpus.open_existing(str(next(home.glob("evaluations/corpus-*"))))
    corpus.entities.change(namespace, lambda _before: entities(namespace))
    await system.searcher.refresh()
    # Indexing once more finds what the passages say of the names.
    after = await evaluate(library, system, options)
    await system.close()
    assert mean(after) >= 1.15 * mean(before)
    assert mean(after, "hop-") > mean(before, "hop-")
