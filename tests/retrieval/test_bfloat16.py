"""bfloat16 is chosen where the kernel says that the CPU has instructions for it."""

from pathlib import Path
from types import MappingProxyType

import pytest

from retrieval.bfloat16 import computes_bfloat16

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("torch")]

_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def test_it_agrees_with_the_kernel() -> None:
    words = set(Path("/proc/cpuinfo").read_text().split())
    assert computes_bfloat16() == bool(words & _FLAGS)


@pytest.mark.parametrize("lists", [True, False])
def test_avx512_alone_is_not_enough(lists: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    features = MappingProxyType({"avx512_f": True, "avx512_bf16": False})
    if lists:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    else:
        monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not computes_bfloat16()
