"""How far the lines of a scanned page are from level.

Lines of text make rows of a level page either dark or white, so the sums of its rows
differ most when it is level (projection profile; W. Postl, US 4,723,297).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Numbers = NDArray[np.float32]

_SIZE = (500, 1_000)
_AROUND = 10
# The whole degree is told by every fourth pixel.
_COARSE = 4
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
    ink = _Ink.of(image)
    some = ink.thinned(_COARSE)
    coarse = max(np.arange(-_MOST_DEGREES, _MOST_DEGREES + 1), key=some.sharpness)
    best = max(np.arange(coarse - 1, coarse + 1.01, 0.2), key=ink.sharpness)
    # Pictures and tables have no lines to go by: then no angle is much better than another.
    return float(best) if ink.sharpness(best) > 1.05 * ink.sharpness(0.0) else 0.0


@dataclass(frozen=True, slots=True)
class _Ink:
    """Pixels that stand out from the paper around them: where they are, and how much.

    On most pages these are a tenth of all, or less.
    """

    y: Numbers
    x: Numbers
    weights: Numbers

    @classmethod
    def of(cls, image: Image.Image) -> Self:
        """Return that of a page, made as small as lines can be told apart."""
        width, height = image.size
        grey = image.convert("L").reduce(max(1, round(width / _SIZE[0]), round(height / _SIZE[1])))
        paper = grey.filter(ImageFilter.BoxBlur(_AROUND))
        ink = np.abs(np.asarray(grey, np.float32) - np.asarray(paper, np.float32))
        found = np.nonzero(ink > ink.mean())
        y, x = (axis.astype(np.float32) for axis in found)
        return cls(y, x, ink[found])

    def thinned(self, step: int) -> "_Ink":
        """Return every `step`-th pixel, which tells the same less exactly."""
        return _Ink(self.y[::step], self.x[::step], self.weights[::step])

    def sharpness(self, degrees: float) -> float:
        """Return how much the sums of the rows differ, once the page is turned that far."""
        if not len(self.weights):
            return 0.0
        turned = np.radians(degrees)
        rows = self.y * np.float32(np.cos(turned)) - self.x * np.float32(np.sin(turned))
        rows -= rows.min()
        above = rows.astype(np.int64)
        # What falls between two rows is shared out, or the edges of pixels would look like lines.
        below = (rows - above) * self.weights
        size = int(above.max()) + 2
        sums = np.bincount(above, self.weights - below, size)
        sums[1:] += np.bincount(above, below, size)[:-1]
        return float(np.square(np.diff(sums)).sum())
