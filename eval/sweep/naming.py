"""The namespace of throw-away indexes, and the entities that its passages may mention."""

import asyncio
from collections.abc import Sequence

from eval.errors import EvaluationError
from retrieval.entity import Entity
from retrieval.graph.dictionary import Dictionary
from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.pipeline import Searcher

NAMESPACE = "sweep"
_PATIENCE_S = 600.0
_PAUSE_S = 0.05


async def name_entities(searcher: Searcher, rows: Sequence[DictionaryRow]) -> None:
    """Store the entities of `rows`, and return once `searcher` knows what mentions them.

    Raises `EvaluationError` where it does not take them up.
    """
    if not rows:
        return

    def named(_before: list[Entity]) -> list[Entity]:
        dictionary = Dictionary(NAMESPACE)
        for row in rows:
            dictionary.add(row)
        return list(dictionary)

    await asyncio.to_thread(searcher.corpus.entities.change, NAMESPACE, named)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not searcher.has_entities([NAMESPACE]):
                await searcher.refresh()
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError as error:
        raise EvaluationError("entities: no search could take the names up") from error
