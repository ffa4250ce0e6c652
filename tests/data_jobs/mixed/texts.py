"""Plain and marked-up texts: TXT, Markdown, HTML, captions, notebooks, code, tables, records."""

import json
from collections.abc import Callable
from html import escape

from tests.data_jobs.mixed.planned import Content
from tests.data_jobs.mixed.prose import Prose, paragraphs

# An encoding, and a text that it alone explains.
_ENCODED = (
    ("utf-8", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich."),
    ("utf-8-sig", "Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter."),
    ("utf-16", "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia."),
    ("utf-16-le", "Chuyện này được viết bằng tiếng Việt cho mọi người đọc."),
    ("utf-32", "Příliš žluťoučký kůň úpěl ďábelské ódy celou noc."),
    ("cp1252", "Die Übung für größere Töne gehört später in das Café."),
    ("cp1251", "Съешь же ещё этих мягких французских булок, да выпей чаю. Погода стояла тёплая."),
    ("koi8-r", "Съешь же ещё этих мягких французских булок, да выпей чаю. Погода стояла тёплая."),
    ("shift_jis", "いろはにほへと散りぬるを我が世誰ぞ常ならむ。今日は天気がとても良いです。"),
    ("euc-jp", "いろはにほへと散りぬるを我が世誰ぞ常ならむ。今日は天気がとても良いです。"),
    ("gb18030", "这个录音棚的调音台需要每天早上预热十分钟,然后才能开始工作。"),
    ("big5", "這個錄音棚的調音台需要每天早上預熱十分鐘,然後才能開始工作。"),
    ("euc-kr", "다람쥐 헌 쳇바퀴에 타고파. 오늘은 날씨가 아주 좋습니다."),
)
Make = Callable[[Prose, int], Content]


def plain(prose: Prose, number: int) -> Content:
    """Paragraphs in one encoding after the other."""
    encoding, text = _ENCODED[number % len(_ENCODED)]
    own = prose.sentences(4, 24)
    # In single bytes, what is foreign must outweigh what is not to be told at all.
    body = "\n\n".join([text, *paragraphs(own), text])
    return Content(body.encode(encoding), own, also=(text,))


def markdown(prose: Prose, number: int) -> Content:
    """Front matter, headings, a list, a table and code."""
    own = prose.sentences(8, 30)
    lines = [f"---\ntitle: Note {number}\n---\n\n# {own[0]}\n\n- {own[1]}\n- {own[2]}\n"]
    lines += [f"| what | said |\n|---|---|\n| row | {own[3]} |\n\n```\n{own[4]}\n```\n"]
    lines += [f"## Part\n\n{paragraph}\n" for paragraph in paragraphs(own[5:])]
    return Content("\n".join(lines).encode(), own)


def web_page(prose: Prose, number: int) -> Content:
    """A page with a menu and a footer around what counts."""
    own = prose.sentences(8, 30)
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs(own[3:]))
    page = (
        f"<!doctype html><html><head><title>Page {number}</title><style>p {{}}</style></head><body>"
        "<nav><a href='/'>Home</a> <a href='/shop'>Shop</a></nav><main>"
        f"<h1>{own[0]}</h1><ul><li>{own[1]}</li></ul><table><tr><th>a</th><th>b</th></tr>"
        f"<tr><td>1</td><td>{own[2]}</td></tr></table>{body}</main>"
        "<footer>All rights reserved</footer><script>var x = 1;</script></body></html>"
    )
    return Content(page.encode(), own)


def feed(prose: Prose, number: int) -> Content:
    """News in RSS."""
    own = prose.sentences(4, 24)
    items = "".join(
        f"<item><title>{s}</title><guid>{at}</guid></item>" for at, s in enumerate(own[1:])
    )
    channel = f"<title>News {number}</title><description>{own[0]}</description>{items}"
    text = f'<?xml version="1.0"?><rss version="2.0"><channel>{channel}</channel></rss>'
    return Content(text.encode(), own)


def webvtt(prose: Prose, _number: int) -> Content:
    """Cues of three seconds."""
    own = prose.sentences(5, 30)
    cues = [f"{_time(3 * n)}.000 --> {_time(3 * n + 3)}.000\n{s}\n" for n, s in enumerate(own)]
    return Content("\n".join(["WEBVTT\n", *cues]).encode(), own)


def subrip(prose: Prose, _number: int) -> Content:
    """The same in the older form, with a mark and the line ends of Windows."""
    own = prose.sentences(5, 30)
    cues = [
        f"{n + 1}\n{_time(3 * n)},000 --> {_time(3 * n + 3)},000\n{s}\n" for n, s in enumerate(own)
    ]
    return Content("\n".join(cues).replace("\n", "\r\n").encode("utf-8-sig"), own)


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def notebook(prose: Prose, _number: int) -> Content:
    """Text, code and what it printed."""
    own = prose.sentences(4, 16)
    output = {"output_type": "stream", "name": "stdout", "text": [own[2] + "\n"]}
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "metadata": {}, "source": [f"# {own[0]}\n"]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": [f"print({own[1]!r})"],
            "outputs": [output],
        },
    ]
    cells += [{"cell_type": "markdown", "metadata": {}, "source": [s]} for s in own[3:]]
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return Content(json.dumps(book, indent=1).encode(), own)


def python(prose: Prose, number: int) -> Content:
    """A class with methods whose descriptions count."""
    own = prose.sentences(4, 16)
    body = "".join(
        f'    def step_{at}(self) -> int:\n        """{s}"""\n        return {at}\n\n'
        for at, s in enumerate(own[1:])
    )
    return Content(f'"""{own[0]}"""\n\n\nclass Job{number}:\n{body}'.encode(), own)


def shell(prose: Prose, _number: int) -> Content:
    """A script with comments."""
    own = prose.sentences(4, 80)
    return Content(("#!/bin/sh\n" + "".join(f"# {s}\necho done\n" for s in own)).encode(), own)


def csv(prose: Prose, _number: int) -> Content:
    """Rows under a header."""
    own = prose.sentences(4, 60)
    rows = [f'{number},"{sentence}"' for number, sentence in enumerate(own)]
    return Content("\n".join(["number,remark", *rows, ""]).encode(), own)


def records(prose: Prose, _number: int) -> Content:
    """JSON Lines."""
    own = prose.sentences(4, 40)
    lines = [json.dumps({"number": n, "remark": s, "tags": ["a", "b"]}) for n, s in enumerate(own)]
    return Content("\n".join([*lines, ""]).encode(), own)


def json_tree(prose: Prose, number: int) -> Content:
    """One JSON value with lists inside."""
    own = prose.sentences(4, 30)
    tree = {"title": f"Tree {number}", "first": {"said": own[0]}, "all": [{"s": s} for s in own]}
    return Content(json.dumps(tree, indent=2).encode(), own)
