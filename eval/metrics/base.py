"""What all metrics take."""

from collections.abc import Mapping

Judged = Mapping[str, int]
"""Grades by document id; above 0 is relevant, 0 and below is not."""


def relevant(judged: Judged) -> set[str]:
    """Return the ids that were judged relevant."""
    return {doc_id for doc_id, grade in judged.items() if grade > 0}
