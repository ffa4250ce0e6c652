"""Node tiers: the label by which work finds its machine."""

from typing import Literal

Tier = Literal["gpu", "jetson", "cpu"]
TIER_LABEL = "pmoves.io/tier"
