"""Render the binary documents of the sample library from their sources.

`python -m eval.library.build` writes them into `eval/library/files/`. The same
sources give the same bytes, so that a change in `files/` is a change of content.
A source is named after its document: `studio-handbook.pdf.md` becomes
`studio-handbook.pdf`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from eval.library.questions import FOLDER, library_files
from eval.library.render.ebook import render_epub
from eval.library.render.mail import render_eml
from eval.library.render.pdf_file import render_pdf
from eval.library.render.slides import render_pptx
from eval.library.render.word_file import render_docx
from eval.library.render.workbook import render_xlsx


def render_legacy_text(source: Path) -> bytes:
    """Render a UTF-8 text as windows-1252 with CRLF line ends, as old editors wrote it."""
    text = source.read_text(encoding="utf-8")
    return text.replace("\n", "\r\n").encode("windows-1252")


RENDERERS: Mapping[str, Callable[[Path], bytes]] = {
    ".docx": render_docx,
    ".eml": render_eml,
    ".epub": render_epub,
    ".pdf": render_pdf,
    ".pptx": render_pptx,
    ".txt": render_legacy_text,
    ".xlsx": render_xlsx,
}


def build(target: Path) -> list[Path]:
    """Render every source into the folder `target` and return the files written."""
    written = []
    for source in sorted((FOLDER / "source").iterdir()):
        document = target / source.stem
        document.write_bytes(RENDERERS[document.suffix](source))
        written.append(document)
    return written


def main() -> None:
    """Render into the committed folder and say what was written."""
    for document in build(library_files()):
        print(f"{document.stat().st_size:>8}  {document.name}")


if __name__ == "__main__":
    main()
