"""PyTorch and what runs models on it, which come with an extra."""

from importlib.util import find_spec

from retrieval.errors import InvalidInputError

_PACKAGES = ("torch", "transformers", "sentence_transformers")
_EXTRA = "pip install 'pmoves-mesh[sentence-transformers]', or in a checkout: make up TORCH=cpu"


def require_pytorch(setting: str, model: str) -> None:
    """Raise `InvalidInputError` where what runs the `model` that `setting` names is missing."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise InvalidInputError(
            f"{setting}: {model!r} would run on PyTorch by sentence-transformers; "
            f"not installed: {', '.join(missing)}; {_EXTRA}"
        )
