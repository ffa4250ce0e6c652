"""Which tier this machine is of, as its kernel tells."""

import re
from dataclasses import dataclass
from pathlib import Path

from retrieval.placement import GPU_CLASS_LABEL, SITE_LABEL, TIER_LABEL, Tier

# What every Tegra system on a chip, and so every Jetson, names itself in the device tree.
_JETSON = "nvidia,tegra"
_NO_LABEL = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Machine:
    """What counts of a machine: its tier, how many GPUs it has, and what they are."""

    tier: Tier
    gpus: int = 0
    gpu_class: str = ""

    def labels(self, site: str = "") -> dict[str, str]:
        """Return the machine's labels; `site` says where it stands."""
        finer = {GPU_CLASS_LABEL: label(self.gpu_class), SITE_LABEL: label(site)}
        return {TIER_LABEL: self.tier} | {name: value for name, value in finer.items() if value}


def detect(root: Path = Path("/")) -> Machine:
    """Return what the kernel below `root` says of the machine.

    A Jetson is known by its device tree: its GPU is part of the chip, and neither NVML
    nor Ray counts it. Others are asked by the folder of NVIDIA's driver: the only
    binding of NVML that is installed is a private module of Ray.
    """
    tree = root / "proc/device-tree"
    if _JETSON in _text(tree / "compatible"):
        return Machine("jetson", 1, _text(tree / "model").removeprefix("NVIDIA "))
    cards = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    if not cards:
        return Machine("cpu")
    return Machine("gpu", len(cards), _model(_text(cards[0])).removeprefix("NVIDIA "))


def label(text: str) -> str:
    """Return `text` as the value of a label, by the rules of Kubernetes."""
    return _NO_LABEL.sub("-", text.strip().lower())[:_LONGEST_LABEL].strip("-._")


def _model(information: str) -> str:
    found = re.search(r"^Model:\s*(.+)$", information, re.MULTILINE)
    return found[1].strip() if found else ""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace").replace("\0", "\n").strip()
    except OSError:
        return ""
