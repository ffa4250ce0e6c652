"""The measure of garbage, counted over real text in many languages and over broken layers."""

import random
import string
from itertools import cycle, islice

import pytest

from data_jobs.parse.garbage import is_garbage
from eval.library import library_files

SENTENCES = {
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy, a potom šel domů přes most.",
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "el": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία και πηγαίνω σπίτι μου.",
    "es": "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío.",
    "fi": "Törkylempijävongahdus on hassu sana, jota kukaan ei tarvitse.",
    "fr": "Portez ce vieux whisky au juge blond qui fume, dès Noël où un zéphyr.",
    "he": "דג סקרן שט בים מאוכזב ולפתע מצא חברה נחמדה.",
    "ja": "いろはにほへと散りぬるを、我が世誰ぞ常ならむ。",
    "ko": "다람쥐 헌 쳇바퀴에 타고파 하는 마음을 누가 알까.",
    "pl": "Zażółć gęślą jaźń, a chrząszcz brzmi w trzcinie w Szczebrzeszynie.",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "th": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi ve eve gitti.",
    "zh": "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。",
    "table": "2024-01-03 | 17.50 | 3.1 % | 1,204,332 | 44.1\n",
    "code": "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }",
}


def english_pages() -> list[str]:
    """Texts of the size of a page from the sample library."""
    texts = [
        path.read_text(errors="ignore")
        for path in sorted(library_files().iterdir())
        if path.suffix in (".md", ".txt")
    ]
    return [text[at : at + 800] for text in texts for at in range(0, len(text) - 800, 400)]


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_text_of_every_language_is_kept(language: str) -> None:
    for repeats in (1, 5, 40):
        assert not is_garbage(" ".join([SENTENCES[language]] * repeats))


def test_no_page_of_the_sample_library_is_taken_for_garbage() -> None:
    pages = english_pages()
    assert len(pages) > 20
    assert [page[:60] for page in pages if is_garbage(page)] == []


def shifted(text: str, chance: random.Random) -> str:
    """Glyph numbers for letters, as embedded subsets without a map give: all codes less 29."""
    return "".join(chr(ord(c) - 29) if 61 <= ord(c) < 127 else c for c in text)


def of_private_use(text: str, chance: random.Random) -> str:
    """Codes of a font's own, as symbol fonts give."""
    return "".join(chr(0xF000 + ord(c) % 256) if c.isalnum() else c for c in text)


def numbered(text: str, chance: random.Random) -> str:
    """What some extractors print for glyphs that they cannot name."""
    return "".join(f"(cid:{ord(c)})" if c.isalnum() else c for c in text)


def replaced(text: str, chance: random.Random) -> str:
    """Replacement characters for every third letter."""
    marks = cycle("\ufffd__")
    return "".join(c if mark == "_" else mark for c, mark in zip(text, marks, strict=False))


def symbols(text: str, chance: random.Random) -> str:
    """Punctuation in place of letters."""
    return "".join(chance.choice(string.punctuation) if c.isalpha() else c for c in text)


@pytest.mark.parametrize("broken", [shifted, of_private_use, numbered, replaced, symbols])
def test_broken_layers_are_found_on_nineteen_of_twenty_pages(broken: object) -> None:
    assert callable(broken)
    pages = list(islice(cycle(english_pages()), 100))
    chance = random.Random(1)
    found = sum(is_garbage(broken(page, chance)) for page in pages)
    assert found >= 95


def test_nothing_is_not_worth_keeping() -> None:
    assert is_garbage("")
    assert is_garbage(" \n\t")
    assert is_garbage("... --- ...")
