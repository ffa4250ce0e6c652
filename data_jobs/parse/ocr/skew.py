"""How far the lines of a scanned page are from level.

Lines of text make rows of a level page either dark or white, so the sums of its rows
differ most when it is level (projection profile; W. Postl, US 4,723,297).
"""

import numpy as np
from PIL import Image

_WIDTH = 500
_MOST_DEGREES = 10.0
_LEAST_DEGREES = 0.4


def deskewed(image: Image.Image) -> Image.Image:
    """Return `image`, in shades of grey, with its lines level; unchanged where they are."""
    angle = skew(image)
    if abs(angle) < _LEAST_DEGREES:
        return image
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)


def skew(image: Image.Image) -> float:
    """Return by how many degrees a page must be turned against the clock, up to 10."""
    small = image.convert("L")
    small.thumbnail((_WIDTH, _WIDTH * 2))
    ink = Image.fromarray(255 - np.asarray(small))
    level = _sharpness(ink, 0.0)
    coarse = max(np.arange(-_MOST_DEGREES, _MOST_DEGREES + 1), key=lambda d: _sharpness(ink, d))
    best = max(np.arange(coarse - 1, coarse + 1.01, 0.2), key=lambda d: _sharpness(ink, d))
    # Pictures and tables have no lines to go by: then no angle is much better than another.
    return float(best) if _sharpness(ink, float(best)) > 1.05 * level else 0.0


def _sharpness(ink: Image.Image, degrees: float) -> float:
    rows = np.asarray(ink.rotate(float(degrees), Image.Resampling.BILINEAR), np.float64).sum(axis=1)
    return float(np.square(np.diff(rows)).sum())
