"""XML: what is said, without what only structures it."""

from collections.abc import Callable

import pytest

from data_jobs.errors import EmptyDocumentError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument

Parse = Callable[[bytes, str], ParsedDocument]


def texts(parse_bytes: Parse, data: str, media_type: str = "application/xml") -> list[str]:
    return [block.text for block in parse_bytes(data.encode(), media_type).blocks]


def test_headings_follow_the_nesting(parse_bytes: Parse) -> None:
    document = parse_bytes(
        b"<book><title>One</title><part><head>Two</head><p>Said <i>so</i>.</p></part></book>",
        "application/xml",
    )
    found = [(block.kind, block.level, block.text) for block in document.blocks]
    assert found == [
        ("heading", 1, "One"),
        ("heading", 2, "Two"),
        ("paragraph", 0, "Said so."),
    ]


def test_values_keep_their_names_and_prose_does_not(parse_bytes: Parse) -> None:
    prose = "A sentence that is long enough to stand for itself, " * 2
    data = f"<a xmlns='urn:x'><x>1</x><c/><d>2</d><e>{prose}</e><f>3</f></a>"
    assert texts(parse_bytes, data) == ["x: 1\nd: 2", prose.strip(), "f: 3"]


def test_words_of_a_drawing(parse_bytes: Parse) -> None:
    data = "<svg><title>Plan</title><style>x</style><text>Key <tspan>light</tspan></text></svg>"
    assert texts(parse_bytes, data, "image/svg+xml") == ["Plan", "Key light"]
    with pytest.raises(EmptyDocumentError):
        parse_bytes(b"<svg><path d='M0 0'/></svg>", "image/svg+xml")


def test_pictures_and_entities_of_strangers_stay_out(parse_bytes: Parse) -> None:
    data = (
        '<!DOCTYPE a [<!ENTITY s SYSTEM "file:///etc/passwd"><!ENTITY t "tenfold">]>'
        "<a><binary>QUJD</binary><p>Held: &s; and &t; here.</p></a>"
    )
    (text,) = texts(parse_bytes, data)
    assert text == "Held: &s; and &t; here."


def test_what_is_not_well_formed_is_refused(parse_bytes: Parse) -> None:
    with pytest.raises(UnreadableFileError, match="not well-formed"):
        parse_bytes(b"<a><b></a>", "application/xml")
