"""What the gateway tells about its reranker."""

import asyncio

from retrieval.errors import PmovesError
from retrieval.rerank.base import RerankerState
from retrieval.rerank.stage import RerankStage
from retrieval.settings import RerankSettings
from serve_apps.wire_state import RerankStatus

_SECONDS = 3.0


async def report_reranker(stage: RerankStage | None, settings: RerankSettings) -> RerankStatus:
    """Return the state of the reranker under the predecessor's names."""
    state = None if stage is None else await _state(stage)
    label = "" if stage is None else stage.label
    model = settings.model if state is None else state.model
    warnings = [] if state is None else list(state.warnings)
    if settings.k > settings.topn:
        warnings.append(
            f"rerank.k: {settings.k} hits cannot come out of rerank.topn = {settings.topn} "
            f"passages; {settings.topn} are returned"
        )
    return RerankStatus(
        enabled=settings.enabled,
        model=model,
        model_resolved=state and state.resolved,
        model_label=label or None,
        model_path=settings.model_path or None,
        provider=settings.provider if state is None else state.provider,
        topn=settings.topn,
        k=min(settings.k, settings.topn),
        fusion=settings.fusion,
        device=state and state.device,
        cuda_available=state is not None and state.cuda_available,
        use_fp16_requested=settings.use_fp16,
        use_fp16_effective=state is not None and state.use_fp16,
        loaded=state is not None and state.loaded,
        errors=[] if state is None else state.errors,
        warnings=warnings,
        model_report=label or model,
    )


async def _state(stage: RerankStage) -> RerankerState:
    settings = stage.settings
    try:
        return await asyncio.wait_for(stage.reranker.state(), _SECONDS)
    except (TimeoutError, PmovesError) as error:
        said = str(error) or f"the reranker gives no answer within {_SECONDS:g} s"
        return RerankerState(provider=settings.provider, model=settings.model, errors=[said])
