"""The first calls of a model, which take longer than all that follow."""

import logging

from retrieval.embedding.base import Embedder
from retrieval.errors import OverloadedError, StageError

_log = logging.getLogger(__name__)
_WARM_UP = ("warm", "warm up " * 24, "warm up " * 240)


def warm_up(model: Embedder, remote: bool) -> None:
    """Embed something; a server that does not answer keeps no mesh from coming up."""
    try:
        for text in _WARM_UP:
            model.embed_queries([text])
    except (StageError, OverloadedError) as error:
        if not remote:
            raise
        _log.warning("the embedding model does not answer yet: %s", error)
