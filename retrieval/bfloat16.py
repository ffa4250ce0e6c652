"""Whether the CPU computes bfloat16 itself.

oneDNN calls bfloat16 supported wherever there is AVX-512, and then works it out with float32
where the instructions are missing, which takes three times as long as float32 alone.
"""

from collections.abc import Mapping

# As PyTorch names them: two kinds of x86-64, and ARM.
_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def _none() -> Mapping[str, object]:
    return {}


def computes_bfloat16() -> bool:
    """Say whether the CPU has instructions for bfloat16, and PyTorch uses them."""
    import torch

    # Without the list, which older versions of PyTorch lack, float32 is the safe choice.
    features = getattr(torch.cpu, "get_capabilities", _none)()
    native = any(features.get(name) for name in _INSTRUCTIONS)
    return native and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
