"""Models that rest while nobody asks: looked at before a mesh starts, which loads none of them."""

from rich.console import Console

from cluster.errors import MeshError
from cluster.settings import Settings
from retrieval.errors import PmovesError


def check_resting(settings: Settings, console: Console) -> None:
    """Look at each model whose deployment starts without a replica.

    Raises `MeshError` for an embedder that could not be started. A reranker is only warned
    of: its model may lie on another machine, and searches go on without it.
    """
    serve = settings.serve
    if not serve.embedder_replicas:
        _check_embedder(settings)
    if settings.rerank.local and not serve.reranker_replicas:
        _check_reranker(settings, console)


def _check_embedder(settings: Settings) -> None:
    from retrieval.embedding.checking import check_model

    try:
        check_model(settings.embedding)
    except (PmovesError, ImportError, OSError) as error:
        raise MeshError(
            "the embedder is to start when it is asked (PMOVES_SERVE__EMBEDDER_REPLICAS=0), but "
            f"its model cannot be used: {error}. Correct PMOVES_EMBEDDING__…; `pmoves doctor` "
            "looks again"
        ) from error


def _check_reranker(settings: Settings, console: Console) -> None:
    from retrieval.rerank.model import check_model

    try:
        check_model(settings.rerank, settings.s3, cuda=settings.serve.reranker_gpus > 0)
    except (PmovesError, ImportError, OSError) as error:
        console.print(
            "warning: the reranker is to start when it is asked "
            "(PMOVES_SERVE__RERANKER_REPLICAS=0), but this machine cannot get its model: "
            f"{error}. Unless another one has it, searches will keep the first order; "
            "correct PMOVES_RERANK__…",
            markup=False,
            highlight=False,
        )
