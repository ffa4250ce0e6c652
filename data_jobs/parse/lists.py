"""List items as lines of plain text."""

from data_jobs.parse.characters import one_line

_DEEPEST = 8


class ListLines:
    """Collects the items of one list, with an indent for depth and a running number."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._numbers: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, text: str, depth: int = 0, *, ordered: bool = False, start: int = 1) -> None:
        """Append an item; `depth` counts from 0, `start` numbers the first item of its level."""
        depth = min(depth, _DEEPEST)
        self._numbers = {d: n for d, n in self._numbers.items() if d <= depth}
        number = self._numbers.get(depth, start - 1) + 1
        self._numbers[depth] = number
        if line := one_line(text):
            mark = f"{number}." if ordered else "-"
            self._lines.append(f"{'  ' * depth}{mark} {line}")

    def take(self) -> str:
        """Return the lines and forget them."""
        text = "\n".join(self._lines)
        self._lines, self._numbers = [], {}
        return text
