"""From blocks to groups: neighbours that stand in one place of a document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from data_jobs.chunking.text import clean
from data_jobs.parse.base import Block

_LONGEST_HEADING = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group stands: its headings from the top, and page, slide or sheet.

    `repeat` counts earlier sections with the same headings.
    """

    headings: tuple[str, ...] = ()
    repeat: int = 0
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None


@dataclass(slots=True)
class Group:
    """Blocks of one place in order; the first `titles` of them are its headings."""

    place: Place
    blocks: list[Block] = field(default_factory=list)
    titles: int = 0

    @property
    def is_cues(self) -> bool:
        """Whether these are captions."""
        return bool(self.blocks) and self.blocks[-1].kind == "cue"

    @property
    def headings_above(self) -> tuple[str, ...]:
        """The headings of the place that do not stand among the blocks."""
        return self.place.headings[: len(self.place.headings) - self.titles]


def groups(blocks: Iterable[Block]) -> Iterator[Group]:
    """Yield the groups of a document in order; no block is lost, none stands in two.

    Headings lead the group that follows them on the same page, slide or sheet;
    where none follows they stand alone.
    """
    grouper = _Grouper()
    for block in _cleaned(blocks):
        grouper.take(block)
        yield from grouper.finished()
    grouper.end()
    yield from grouper.finished()


def _cleaned(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        text = clean(block.text)
        if text:
            yield block if text == block.text else replace(block, text=text)


class _Outline:
    """The headings above the present block."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []
        self._seen: dict[tuple[str, ...], int] = {}
        self._spot: tuple[int | None, str | None] = (None, None)

    def enter(self, block: Block) -> None:
        """Go to `block`: the headings of another slide or sheet do not reach it."""
        spot = block.slide, block.sheet
        if spot != self._spot:
            self._stack.clear()
            self._spot = spot
        if block.kind == "heading":
            self._push(block)

    def place(self, block: Block) -> Place:
        """Return the place of `block`."""
        path = self._path()
        return Place(path, self._seen.get(path, 0), block.page, block.slide, block.sheet)

    def _push(self, heading: Block) -> None:
        while self._stack and self._stack[-1][0] >= heading.level:
            self._stack.pop()
        self._stack.append((heading.level, _one_line(heading.text)))
        path = self._path()
        self._seen[path] = self._seen.get(path, -1) + 1

    def _path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._stack)


class _Grouper:
    """Collects blocks into the group that is open."""

    def __init__(self) -> None:
        self._outline = _Outline()
        self._open = Group(Place())
        self._done: list[Group] = []

    def take(self, block: Block) -> None:
        """Add one block."""
        only_titles = len(self._open.blocks) == self._open.titles
        if not (self._leads_to(block) if only_titles else self._goes_on(block)):
            self.end()
        self._outline.enter(block)
        self._open.place = self._outline.place(block)
        self._open.blocks.append(block)
        self._open.titles += block.kind == "heading"

    def end(self) -> None:
        """Close the open group."""
        if self._open.blocks:
            self._done.append(self._open)
        self._open = Group(Place())

    def finished(self) -> Iterator[Group]:
        """Hand out what is closed."""
        yield from self._done
        self._done.clear()

    def _leads_to(self, block: Block) -> bool:
        """Say whether the headings that stand open so far are those of `block`."""
        if not self._open.blocks:
            return True
        last = self._open.blocks[-1]
        return _spot(last) == _spot(block) and (block.kind != "heading" or block.level > last.level)

    def _goes_on(self, block: Block) -> bool:
        """Say whether `block` stands where the open group stands."""
        last = self._open.blocks[-1]
        same_kind = (last.kind == "cue") == (block.kind == "cue")
        goes_on = block.kind != "heading" and not block.opens
        return goes_on and same_kind and _spot(last) == _spot(block)


def _spot(block: Block) -> tuple[int | None, int | None, str | None]:
    return block.page, block.slide, block.sheet


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= _LONGEST_HEADING:
        return line
    return line[:_LONGEST_HEADING].rsplit(" ", 1)[0] + "…"
