"""The sample library of the demo: real files about the work of a small studio.

`files/` holds the documents, `questions.yaml` the questions that the demo asks,
`labelled.jsonl` those with graded judgements that the quality gate asks, with
`suites.yaml` and `baseline.json`. `entity-questions.jsonl` asks by the nicknames that
`entities.csv` explains.
Text documents are edited in `files/`; binary ones are rendered from `source/`
by `python -m eval.library.build`.
"""

from eval.library.questions import (
    Question,
    entity_dictionary,
    entity_questions,
    labelled_questions,
    library_files,
    library_hash,
    load_questions,
)

__all__ = [
    "Question",
    "entity_dictionary",
    "entity_questions",
    "labelled_questions",
    "library_files",
    "library_hash",
    "load_questions",
]
