"""The sample library of the demo: real files about the work of a small studio.

`files/` holds the documents, `questions.yaml` the questions that the demo asks.
Text documents are edited in `files/`; binary ones are rendered from `source/`
by `python -m eval.library.build`.
"""

from eval.library.questions import Question, library_files, load_questions

__all__ = ["Question", "library_files", "load_questions"]
