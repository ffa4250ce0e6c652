"""Chunks hold every word once and in order, within what the model reads, one place each."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from data_jobs.chunking.chunker import Chunker, Origin
from data_jobs.chunking.text import clean
from data_jobs.parse.base import Block, BlockKind, ParsedDocument
from data_jobs.settings import ChunkingSettings
from retrieval.chunk import Chunk
from retrieval.embedding.model import load_tokenizer
from retrieval.errors import InvalidInputError
from retrieval.identity import EmbeddingIdentity
from retrieval.settings import EmbeddingSettings

ORIGIN = Origin("pmoves", "doc-1", "file:///talks/two-lights_take.txt", "two-lights_take.txt")
SENTENCE = "The key light stands to the left of the camera, a little above the eyes. "
PLAIN = ChunkingSettings(context=False, overlap=0)


@cache
def tokenizer() -> Tokenizer:
    return load_tokenizer(EmbeddingSettings())


def identity(max_tokens: int = 256, passage_prefix: str = "") -> EmbeddingIdentity:
    return EmbeddingIdentity(
        model="m", revision="r", dimension=8, max_tokens=max_tokens, passage_prefix=passage_prefix
    )


def cut(
    blocks: Sequence[Block],
    chosen: ChunkingSettings | None = None,
    title: str | None = None,
    model: EmbeddingIdentity | None = None,
) -> list[Chunk]:
    chunker = Chunker(tokenizer(), model or identity(), chosen or ChunkingSettings())
    return chunker.chunks(ParsedDocument(title, tuple(blocks)), ORIGIN)


def tokens_read(chunk: Chunk, model: EmbeddingIdentity) -> int:
    return len(tokenizer().encode(model.passage_prefix + chunk.indexed_text))


def assert_covers(words: list[str], chunks: Sequence[Chunk]) -> None:
    """Each chunk goes on where the one before ended, or repeats some of its last words."""
    position = 0
    for chunk in chunks:
        found = chunk.text.split()
        starts = range(max(0, position - len(found) + 1), position + 1)
        fits = [at for at in starts if words[at : at + len(found)] == found]
        assert fits, f"{found} is not what follows {words[max(0, position - 5) : position]}"
        position = fits[0] + len(found)
    assert position == len(words)


kinds: st.SearchStrategy[BlockKind] = st.sampled_from(
    ("heading", "paragraph", "list", "code", "notes")
)
places = st.sampled_from([(None, None, None), (1, None, None), (2, None, None), (None, 1, None)])
sizes = st.builds(
    lambda size, share, context: ChunkingSettings(
        size=size, overlap=int(size * share), context=context
    ),
    st.integers(16, 300),
    st.floats(0, 0.7),
    st.booleans(),
)


@st.composite
def tagged_documents(draw: st.DrawFn) -> list[Block]:
    """Blocks whose words name their place and their number."""
    blocks: list[Block] = []
    number = 0
    for _ in range(draw(st.integers(1, 8))):
        page, slide, sheet = draw(places)
        kind: BlockKind = draw(kinds)
        count = draw(st.integers(1, 6 if kind == "heading" else 150))
        ends = draw(st.lists(st.sampled_from(["", "", ",", ".", "\n", "!?"]), min_size=4))
        spoken = " ".join(
            f"p{page}s{slide}n{number + at}{ends[at % len(ends)]}" for at in range(count)
        )
        number += count
        level = draw(st.integers(1, 3)) if kind == "heading" else 0
        blocks.append(Block(spoken, kind, level, page, slide, sheet))
    return blocks


@pytest.mark.integration
@given(tagged_documents(), sizes)
@settings(deadline=None, max_examples=150)
def test_every_word_comes_in_order_and_from_the_place_that_is_named(
    blocks: list[Block], chosen: ChunkingSettings
) -> None:
    chunks = cut(blocks, chosen)
    assert_covers([word for block in blocks for word in block.text.split()], chunks)
    for chunk in chunks:
        place = f"p{chunk.locator.page}s{chunk.locator.slide}n"
        assert all(word.startswith(place) for word in chunk.text.split())


texts = st.text(
    st.one_of(
        st.sampled_from("  \n\t.,!?-'aeinrst"),
        st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs", "Mn"]),
        st.sampled_from("映画の撮影。日本語、カメラ"),
        st.sampled_from("\x00\x0b\x0c\x1c\x85\u200b\u2028\ufffd\ufeff\u3099"),
    ),
    max_size=600,
)


@pytest.mark.integration
@given(st.lists(texts, min_size=1, max_size=4), sizes, st.sampled_from(["", "passage: ", "p:"]))
@settings(deadline=None, max_examples=200)
def test_no_chunk_is_longer_than_the_model_reads(
    spoken: list[str], chosen: ChunkingSettings, prefix: str
) -> None:
    model = identity(max_tokens=64, passage_prefix=prefix)
    blocks = [Block(text) for text in spoken]
    chunks = cut(blocks, chosen, title=spoken[0], model=model)
    assert all(0 < tokens_read(chunk, model) <= 64 for chunk in chunks)
    assert all(chunk.text == chunk.text.strip() != "" for chunk in chunks)
    if chosen.overlap == 0:
        kept = "".join("".join(chunk.text.split()) for chunk in chunks)
        assert kept == "".join("".join(clean(text).split()) for text in spoken)


@given(st.lists(texts, min_size=1, max_size=4), sizes)
@settings(deadline=None, max_examples=50)
def test_the_same_document_gives_the_same_chunks_and_no_id_twice(
    spoken: list[str], chosen: ChunkingSettings
) -> None:
    blocks = [Block(text, page=number) for number, text in enumerate(spoken, 1)]
    chunks = cut(blocks, chosen)
    assert chunks == cut(blocks, chosen)
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))


def test_no_chunk_has_more_tokens_than_its_size() -> None:
    counter = tokenizer()
    for chunk in cut([Block(SENTENCE * 200)], ChunkingSettings(size=60, overlap=20)):
        assert len(counter.encode(chunk.text, add_special_tokens=False)) <= 60


def test_chunks_end_at_sentences_and_come_out_even() -> None:
    chunks = cut([Block(SENTENCE * 33)], PLAIN)
    assert all(chunk.text.endswith(".") for chunk in chunks)
    lengths = [len(chunk.text) for chunk in chunks]
    assert min(lengths) > 0.7 * max(lengths)


def test_neighbours_overlap_by_whole_sentences_where_they_fit() -> None:
    spoken = " ".join(f"Scene {number} is lit from behind." for number in range(80))
    chunks = cut([Block(spoken)], ChunkingSettings(context=False))
    assert len(chunks) > 2
    for before, after in pairwise(chunks):
        first = after.text.split(".")[0] + "."
        assert first in before.text
        assert not before.text.startswith(first)


def test_a_sentence_too_long_for_the_overlap_lends_its_last_words() -> None:
    spoken = " ".join(f"frame{number}" for number in range(500))
    chunks = cut([Block(spoken)], ChunkingSettings(context=False, size=100, overlap=20))
    assert_covers(spoken.split(), chunks)
    for before, after in pairwise(chunks):
        shared = set(before.text.split()) & set(after.text.split())
        assert 0 < len(shared) <= 10


def test_small_blocks_of_one_place_come_together() -> None:
    blocks = [Block(f"Line {number}.", page=1) for number in range(5)]
    chunks = cut([*blocks, Block("Elsewhere.", page=2)], PLAIN)
    assert [chunk.locator.page for chunk in chunks] == [1, 2]
    assert chunks[0].text.split("\n\n") == [f"Line {number}." for number in range(5)]


def test_headings_become_path_context_and_section() -> None:
    blocks = [
        Block("Studio guide", "heading", 1),
        Block("Welcome."),
        Block("Lights", "heading", 2),
        Block("Softboxes", "heading", 3),
        Block(SENTENCE * 30),
        Block("Sound", "heading", 2),
        Block("Use two microphones."),
    ]
    chunks = cut(blocks, title="Studio guide")
    assert chunks[0].text == "Studio guide\nWelcome."
    assert chunks[0].context == ""
    softbox = [c for c in chunks if c.locator.heading == "Studio guide › Lights › Softboxes"]
    assert softbox[0].text.startswith("Lights\nSoftboxes\nThe key light")
    assert softbox[0].context == "Studio guide"
    assert len(softbox) > 1
    assert softbox[1].context == "Studio guide › Lights › Softboxes"
    assert len({chunk.section_id for chunk in softbox}) == 1
    assert chunks[-1].locator.heading == "Studio guide › Sound"
    assert chunks[-1].context == "Studio guide"
    assert len({chunk.section_id for chunk in chunks}) == 3


def test_equal_headings_are_sections_of_their_own() -> None:
    notes = [Block("Notes", "heading", 1), Block("First."), Block("Notes", "heading", 1)]
    chunks = cut([*notes, Block("Second.")])
    assert chunks[0].section_id != chunks[1].section_id


def test_headings_without_text_are_kept() -> None:
    blocks = [Block("One", "heading", 1, page=1), Block("Two", "heading", 1, page=1)]
    assert [chunk.text for chunk in cut([*blocks, Block("End.", page=2)])] == ["One", "Two", "End."]


def test_a_slide_does_not_inherit_the_heading_of_another() -> None:
    slides = [Block("Plan", "heading", 1, slide=1), Block("Budget 300", slide=2)]
    chunks = cut(slides)
    assert [(c.locator.slide, c.locator.heading) for c in chunks] == [(1, "Plan"), (2, None)]


def test_the_context_can_be_left_out_and_is_cut_at_a_word() -> None:
    assert cut([Block("Text.")], PLAIN, title="A title")[0].context == ""
    short = ChunkingSettings(context_tokens=6)
    context = cut([Block("Text.")], short, title="one two three four five six seven")[0].context
    assert context == "one two three four five …"


def test_a_missing_title_is_replaced_by_the_name_of_the_file() -> None:
    chunk = cut([Block("Text.")])[0]
    assert (chunk.title, chunk.context) == ("two-lights_take.txt", "two lights take")


def table(rows: int) -> str:
    body = "\n".join(f"| cable {row} | {row * 3} m | shelf {row % 7} |" for row in range(rows))
    return f"| item | length | place |\n| --- | --- | --- |\n{body}"


def test_a_long_table_is_cut_between_rows_under_a_repeated_header() -> None:
    blocks = [Block("Stock", "heading", 1, sheet="May"), Block(table(90), "table", sheet="May")]
    chunks = cut(blocks, ChunkingSettings())
    header, rule, *rows = table(90).split("\n")
    assert chunks[0].text.startswith(f"Stock\n{header}\n{rule}\n")
    assert all(chunk.text.startswith(f"{header}\n{rule}\n") for chunk in chunks[1:])
    kept = [line for chunk in chunks for line in chunk.text.split("\n") if line.startswith("| c")]
    assert kept == rows
    assert {chunk.locator.sheet for chunk in chunks} == {"May"}
    assert all(tokens_read(chunk, identity()) <= 256 for chunk in chunks)


def test_a_short_table_stays_with_the_text_around_it() -> None:
    chunks = cut([Block("In stock:"), Block(table(3), "table"), Block("Order more.")], PLAIN)
    assert [chunk.text for chunk in chunks] == [f"In stock:\n\n{table(3)}\n\nOrder more."]


def test_rows_longer_than_a_chunk_and_headers_too_wide_lose_nothing() -> None:
    wide = "| " + " | ".join(f"column{n}" for n in range(120)) + " |"
    rule = "| " + "--- | " * 120
    long_row = "| " + " ".join(f"word{n}" for n in range(400)) + " |"
    chunks = cut([Block(f"{wide}\n{rule}\n{long_row}", "table")], PLAIN)
    kept = [word for chunk in chunks for word in chunk.text.split()]
    assert kept == [*wide.split(), *rule.split(), *long_row.split()]
    assert all(tokens_read(chunk, identity()) <= 256 for chunk in chunks)


def cues(count: int, pause: float = 0.5) -> list[Block]:
    return [
        Block(f"and so take {n} is done", "cue", t_start=n * (2 + pause), t_end=n * (2 + pause) + 2)
        for n in range(count)
    ]


def test_cues_are_grouped_in_time() -> None:
    chunks = cut(cues(200), ChunkingSettings(context=False))
    assert chunks[0].locator.t_start == 0.0
    assert chunks[-1].locator.t_end == 199 * 2.5 + 2
    for before, after in pairwise(chunks):
        assert seconds(before)[0] < seconds(after)[0] <= seconds(before)[1]
    for chunk in chunks:
        first = int(chunk.text.split("take ")[1].split()[0])
        assert chunk.locator.t_start == first * 2.5


def seconds(chunk: Chunk) -> tuple[float, float]:
    assert chunk.locator.t_start is not None
    assert chunk.locator.t_end is not None
    return chunk.locator.t_start, chunk.locator.t_end


@pytest.mark.parametrize("pause", [0.5, 30, 100, 500])
def test_cues_of_one_chunk_lie_close_together(pause: float) -> None:
    chunks = cut(cues(40, pause), ChunkingSettings(cue_seconds=90))
    spoken = [word for cue in cues(40) for word in cue.text.split()]
    assert_covers(spoken, chunks)
    assert all(end - start <= 90 for start, end in map(seconds, chunks))


def test_an_endless_word_is_cut_and_nothing_else() -> None:
    noise = "x9" * 20_000
    chunks = cut([Block(f"before {noise} after")], PLAIN)
    assert "".join(chunk.text for chunk in chunks).replace(" ", "") == f"before{noise}after"
    assert max(len(chunk.text) for chunk in chunks) <= 200 * 16 + 20
    assert all(tokens_read(chunk, identity()) <= 256 for chunk in chunks)


def test_an_empty_document_has_no_chunks() -> None:
    assert cut([Block(" \n\x00 ")]) == []


def test_a_model_that_reads_next_to_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"reads 20 tokens, of which 18 are left"):
        Chunker(tokenizer(), identity(20), ChunkingSettings())
