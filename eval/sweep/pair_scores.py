"""Scores of rerankers that were computed once, for every trial that asks for the same pair."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from eval.sweep.vectors import VectorFolder
from eval.sweep.workplace import Workplace
from retrieval.ids import content_hash
from retrieval.rerank.base import AsyncReranker, Scores
from retrieval.rerank.batching import BatchingReranker
from retrieval.rerank.loading import load_reranker
from retrieval.rerank.local import LocalReranker
from retrieval.rerank.remote import HttpReranker
from retrieval.settings import RerankSettings

PORTION = 2_048
"""How many scores are kept in one file; so many are lost by an interruption."""
MODEL = {
    *("provider", "model", "model_path", "max_tokens", "use_fp16"),
    *("instruction", "url", "function", "scores"),
}
"""The settings on which a score depends."""
_DIGITS = 16


class PairScores:
    """Scores of pairs of a query and a passage; each is computed once by each reranker.

    They are kept by content below `place`, where `keep` writes those that are not there
    yet. Rerankers in this process are loaded when they are needed, and stay.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._names: dict[str, str] = {}
        self._folders: dict[str, VectorFolder] = {}
        self._new: dict[str, dict[str, float]] = {}
        self._loaded: dict[str, LocalReranker] = {}

    def key(self, reranker: RerankSettings) -> str:
        """Return what names the scores of `reranker`; another model in its folder has another."""
        named = reranker.model_dump_json(include=MODEL)
        if named not in self._names:
            stamps = _stamps(reranker.model_path, reranker.model)
            self._names[named] = content_hash(self._place.code, named, *stamps)[:_DIGITS]
        return self._names[named]

    def of(self, reranker: RerankSettings, query: str, texts: Sequence[str]) -> list[float]:
        """Return the scores of `texts` for `query`, in their order."""
        name = self.key(reranker)
        keys = [content_hash(query, text) for text in texts]
        missing = {
            key: text
            for key, text in zip(keys, texts, strict=True)
            if self._find(name, key) is None
        }
        if missing:
            scores = self._scored(reranker, query, list(missing.values()))
            self._new.setdefault(name, {}).update(zip(missing, scores.tolist(), strict=True))
        if len(self._new.get(name, ())) >= PORTION:
            self.keep()
        return [found for key in keys if (found := self._find(name, key)) is not None]

    def keep(self) -> None:
        """Write what was computed since the last time."""
        for name, scores in self._new.items():
            column = np.array([[score] for score in scores.values()], dtype=np.float32)
            self._folder(name).add(list(scores), column)
        self._new.clear()

    @asynccontextmanager
    async def asked(self, reranker: RerankSettings) -> AsyncIterator[AsyncReranker]:
        """Yield the reranker itself, which knows no score ahead."""
        if reranker.remote:
            remote = HttpReranker(reranker)
            try:
                yield remote
            finally:
                await remote.close()
            return
        local = BatchingReranker(self._model(reranker), reranker.batch_tokens)
        try:
            yield local
        finally:
            local.close(wait=True)

    def _find(self, name: str, key: str) -> float | None:
        score = self._new.get(name, {}).get(key)
        if score is None and (kept := self._folder(name).find(key)) is not None:
            return float(kept[0])
        return score

    def _folder(self, name: str) -> VectorFolder:
        if name not in self._folders:
            self._folders[name] = VectorFolder(self._place.folder / "scores" / name)
        return self._folders[name]

    def _scored(self, reranker: RerankSettings, query: str, texts: list[str]) -> Scores:
        if not reranker.remote:
            return self._model(reranker).score([(query, text) for text in texts])

        async def ask() -> Scores:
            async with self.asked(reranker) as remote:
                return await remote.score(query, texts)

        return asyncio.run(ask())

    def _model(self, reranker: RerankSettings) -> LocalReranker:
        name = self.key(reranker)
        if name not in self._loaded:
            settings = self._place.settings
            self._loaded[name] = load_reranker(reranker, settings.cache_dir, settings.s3)
        return self._loaded[name]


def _stamps(*folders: str) -> list[str]:
    """Return what changes with the files in local `folders`; hubs and servers have none."""
    files = [
        file
        for folder in folders
        if folder and Path(folder).expanduser().is_dir()
        for file in sorted(Path(folder).expanduser().iterdir())
    ]
    found = [(file.name, file.stat()) for file in files]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in found]
