"""Models that rest while nobody asks: looked at before a mesh starts, which loads none of them."""

from rich.console import Console

from cluster.errors import MeshError
from cluster.settings import Settings
from retrieval.errors import PmovesError


def check_resting(settings: Settings, console: Console, *, elsewhere: bool = False) -> None:
    """Look at each model whose deployment starts without a replica.

    Raises `MeshError` for an embedder that could not be started, unless it may run `elsewhere`:
    then it is warned of. So is a reranker in any case, without which searches go on.
    """
    serve = settings.serve
    if not serve.embedder_replicas and (fault := _embedder_fault(settings)):
        asked = "the embedder is to start when it is asked (PMOVES_SERVE__EMBEDDER_REPLICAS=0), but"
        if not elsewhere:
            raise MeshError(
                f"{asked} its model cannot be used: {fault}. Correct PMOVES_EMBEDDING__…; "
                "`pmoves doctor` looks again"
            ) from fault
        _warn(
            console,
            f"{asked} this machine cannot use its model: {fault}. Unless those of that Ray can, "
            "words alone will find and writes be refused; correct PMOVES_EMBEDDING__…",
        )
    if settings.rerank.local and not serve.reranker_replicas:
        _check_reranker(settings, console)


def _embedder_fault(settings: Settings) -> Exception | None:
    from retrieval.embedding.checking import check_model

    try:
        check_model(settings.embedding)
    except (PmovesError, ImportError, OSError) as error:
        return error
    return None


def _check_reranker(settings: Settings, console: Console) -> None:
    from retrieval.rerank.model import check_model

    try:
        check_model(settings.rerank, settings.s3, cuda=settings.serve.reranker_gpus > 0)
    except (PmovesError, ImportError, OSError) as error:
        _warn(
            console,
            "the reranker is to start when it is asked (PMOVES_SERVE__RERANKER_REPLICAS=0), but "
            f"this machine cannot get its model: {error}. Unless another one has it, searches "
            "will keep the first order; correct PMOVES_RERANK__…",
        )


def _warn(console: Console, text: str) -> None:
    console.print(f"warning: {text}", markup=False, highlight=False)
