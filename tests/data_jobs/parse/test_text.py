"""Plain text: encodings, paragraphs, and characters that must not come out."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import IngestError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.decode import decode_text
from data_jobs.parse.text import add_text

SENTENCES = {
    "cp1252": "Le café près de l'hôtel était fermé - “déjà vu”. Ça coûte 5 €.",
    "iso-8859-1": "Grüße aus München, die Aufnahme läuft schön über die Straße.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń.",
    "cp1251": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "koi8-r": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "cp1253": "Αυτό είναι ένα κείμενο στα ελληνικά για το στούντιο.",
    "shift_jis": "これは日本語のテキストです。録音スタジオの予約は来週です。",
    "euc-jp": "これは日本語のテキストです。録音スタジオの予約は来週です。",
    "iso-2022-jp": "これは日本語のテキストです。録音スタジオの予約は来週です。",
    "gb18030": "这是一个中文文本。录音室的预订是下周。",
    "big5": "這是一個中文文本。錄音室的預訂是下週。",
    "euc-kr": "이것은 한국어 텍스트입니다. 스튜디오 예약은 다음 주입니다.",
    "utf-8": "Ünïcödé – 日本語 😀",
    "utf-8-sig": "Ünïcödé – 日本語 😀",
    "utf-16": "Ünïcödé – 日本語 😀",
    "utf-32": "Ünïcödé – 日本語 😀",
    "utf-16-le": "plain words without a mark, but in UTF-16",
    "utf-16-be": "plain words without a mark, but in UTF-16",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_encoding_is_told_from_the_bytes(encoding: str) -> None:
    assert decode_text(SENTENCES[encoding].encode(encoding)) == SENTENCES[encoding]


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"])
def test_a_line_of_another_script_in_an_english_text(encoding: str) -> None:
    line = (
        "いろはにほへと散りぬるを我が世誰ぞ常ならむ。" if "j" in encoding else SENTENCES[encoding]
    )
    english = "The crew met at the harbor and loaded every lamp before noon. " * 12
    whole = f"{line}\n\n{english}\n\n{line}"
    assert decode_text(whole.encode(encoding)) == whole


def test_declared_encoding_is_used_where_bytes_allow_it() -> None:
    assert decode_text("žluť".encode("cp1250"), "cp1250") == "žluť"
    assert decode_text("žluť".encode(), "cp1250") == "žluť"
    assert decode_text("日本".encode("iso-2022-jp"), "iso-2022-jp") == "日本"
    assert decode_text("naïve café".encode("cp1252"), "no-such-encoding") == "naïve café"


def test_broken_utf8_stays_utf8() -> None:
    data = ("Grüße, größer, süßer. " * 20).encode()
    assert decode_text(data + b"\xc3") == "Grüße, größer, süßer. " * 20 + "\ufffd"
    assert decode_text(data + b"\xff" + data).count("\ufffd") == 1


def test_binary_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="binary"):
        decode_text(bytes(range(32)) * 20)


def test_paragraphs_part_at_blank_lines(
    parse_bytes: Callable[[bytes, str], ParsedDocument],
) -> None:
    document = parse_bytes(b"one\r\nline\r\n \t\r\n\r\ntwo\fthree\n\n\n\nfour", "text/plain")
    assert [block.text for block in document.blocks] == ["one\nline", "two\nthree", "four"]


def test_one_huge_line(parse_bytes: Callable[[bytes, str], ParsedDocument]) -> None:
    document = parse_bytes(b"word " * 1_000_000, "text/plain")
    assert len(document.blocks[0].text) == 4_999_999


def test_clean_text_by_example() -> None:
    dirty = "a\x00b\ud800c\r\nd\x85e\u2028f\ufeffg\u00adh \ufb01 e\u0301\x1b\x9f"
    assert clean_text(dirty) == "ab\ufffdc\nd\ne\nfgh fi é"


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_clean_text_is_valid_and_idempotent(text: str) -> None:
    clean = clean_text(text)
    clean.encode("utf-8")
    assert clean_text(clean) == clean
    assert not any(ord(character) < 32 and character not in "\n\t" for character in clean)


@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_an_ingest_error(data: bytes) -> None:
    builder = DocumentBuilder(ParseLimits())
    try:
        add_text(builder, decode_text(data))
    except IngestError:
        return
    for block in builder.blocks:
        block.text.encode("utf-8")
        assert block.text == clean_text(block.text).strip()
