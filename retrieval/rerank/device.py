"""What a local reranker runs on."""

from dataclasses import dataclass
from typing import Any, Self

from retrieval.bfloat16 import computes_bfloat16
from retrieval.settings import RerankSettings
from retrieval.threads import model_threads


@dataclass(frozen=True, slots=True)
class Device:
    """A device of torch, and the number format of the weights on it."""

    name: str
    dtype: Any
    use_fp16: bool

    @property
    def cuda(self) -> bool:
        """Whether this is a GPU."""
        return self.name == "cuda"

    @classmethod
    def of(cls, settings: RerankSettings) -> Self:
        """Return the GPU where there is one, else the CPU, and set its threads.

        With CUDA half precision unless `use_fp16` is false; on a CPU bfloat16 where it
        computes that.
        """
        import torch

        if torch.cuda.is_available():
            half = settings.use_fp16 is not False
            return cls("cuda", torch.float16 if half else torch.float32, half)
        torch.set_num_threads(model_threads(settings.threads))
        dtype = torch.bfloat16 if computes_bfloat16() else torch.float32
        return cls("cpu", dtype, False)
