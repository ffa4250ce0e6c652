"""Archives and mailboxes: what comes out, and what bombs and tricks come to."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest

from data_jobs.errors import EmptyDocumentError, LimitExceededError, UnreadableFileError
from data_jobs.parse.archives import member_name
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.options import ArchiveOptions, ParseOptions
from data_jobs.parse.registry import parse_file

MIB = 2**20


def members(path: Path, **options: object) -> dict[str, bytes]:
    """Unpack a file as the pipeline does; return the members by name."""
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    archives = ArchiveOptions(**options)  # type: ignore[arg-type]
    limits = ParseLimits(
        scratch=str(scratch), max_expanded_bytes=256 * MIB, options=ParseOptions(archives=archives)
    )
    document = parse_file(path, limits)[1]
    assert all(Path(str(each.path)).is_relative_to(scratch) for each in document.attachments)
    return {each.name: Path(str(each.path)).read_bytes() for each in document.attachments}


def write_zip(path: Path, entries: dict[str, bytes], method: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, mode: str, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("method", [ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA])
def test_a_zip_gives_its_files_by_their_paths(tmp_path: Path, method: int) -> None:
    entries = {"a/notes.md": b"# A", "b.txt": b"B", ".hidden": b"h", "__MACOSX/b.txt": b"x"}
    path = write_zip(tmp_path / "x.docx", entries, method)
    assert members(path) == {"a/notes.md": b"# A", "b.txt": b"B"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_gives_its_ordinary_files(tmp_path: Path, mode: str) -> None:
    path = write_tar(
        tmp_path / "x.pdf",
        mode,
        (entry("a/notes.md"), b"# A"),
        (entry("pipe", tarfile.FIFOTYPE), b""),
        (entry("null", tarfile.CHRTYPE), b""),
        (entry("link", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (entry("hard", tarfile.LNKTYPE, "a/notes.md"), b""),
        (entry("folder", tarfile.DIRTYPE), b""),
    )
    assert members(path) == {"a/notes.md": b"# A"}


def test_a_packed_file_that_is_no_tar_is_its_own(tmp_path: Path) -> None:
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        path = tmp_path / "notes"
        path.write_bytes(pack(b"# Notes"))
        assert members(path) == {"content": b"# Notes"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a/b.txt", "a/b.txt"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a\\..\\..\\b.txt", "a/b.txt"),
        ("C:\\Windows\\b.txt", "C:/Windows/b.txt"),
        ("..", None),
        ("/", None),
        ("", None),
        ("a/.git/config", None),
        ("Thumbs.db", None),
    ],
)
def test_names_lead_nowhere(name: str, told: str | None) -> None:
    assert member_name(name) == told


def test_paths_that_climb_are_written_inside(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"../../climb.txt": b"1", "/abs/climb.txt": b"2"})
    assert members(path) == {"climb.txt": b"1", "abs/climb.txt": b"2"}
    assert not list(tmp_path.rglob("climb.txt"))


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    link = ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.txt", "A")
    assert members(tmp_path / "x.zip") == {"a.txt": b"A"}


@pytest.mark.parametrize("write", ["zip", "tar", "gzip"])
def test_bombs_are_refused_before_they_fill_the_disk(tmp_path: Path, write: str) -> None:
    path, zeros = tmp_path / "bomb", bytes(100 * MIB)
    if write == "zip":
        write_zip(path, {"zeros": zeros})
    elif write == "tar":
        write_tar(path, "w:gz", (entry("zeros"), zeros))
    else:
        path.write_bytes(gzip.compress(zeros))
    with pytest.raises(LimitExceededError, match="200 times its size"):
        members(path)
    written = sum(f.stat().st_size for f in (tmp_path / "scratch").rglob("*") if f.is_file())
    assert written <= 65 * MIB


def test_total_size_and_number_are_bounded(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {f"{n}.txt": b"x" for n in range(5)})
    assert len(members(path, max_members=5)) == 5
    with pytest.raises(LimitExceededError, match="MAX_MEMBERS"):
        members(path, max_members=4)
    tar = write_tar(tmp_path / "x.tar", "w", *[(entry(f"{n}.txt"), b"x") for n in range(5)])
    with pytest.raises(LimitExceededError, match="MAX_MEMBERS"):
        members(tar, max_members=4)
    with pytest.raises(LimitExceededError, match="MAX_EXPANDED_BYTES"):
        parse_file(tar, ParseLimits(scratch=str(tmp_path), max_expanded_bytes=4))


@pytest.mark.parametrize("write", ["zip", "tar"])
def test_damaged_and_empty_archives(tmp_path: Path, write: str) -> None:
    path = tmp_path / "x"
    if write == "zip":
        write_zip(path, {"a.txt": bytes(range(256)) * 400})
    else:
        write_tar(path, "w:gz", (entry("a.txt"), bytes(range(256)) * 400))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableFileError):
        members(path)
    if write == "zip":
        write_zip(path, {".only-hidden": b"x"})
    else:
        write_tar(path, "w:gz", (entry("pipe", tarfile.FIFOTYPE), b""))
    with pytest.raises(EmptyDocumentError, match="no files"):
        members(path)


def message(subject: str, body: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@x.example", "b@x.example", subject
    mail.set_content(body)
    return mail.as_bytes()


def test_a_mailbox_gives_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "mail.txt"
    first = message("Für Montag", "Hello.\n\n>From here on it is quoted.\nFrom me.\n")
    second = message("../climb", "Second.")
    line = b"From a@x.example Mon Nov  2 10:00:00 2026\n"
    path.write_bytes(line + first + b"\n" + line + second + b"\n")
    found = members(path)
    assert list(found) == ["00001 Für Montag.eml", "00002 _climb.eml"]
    assert b"\nFrom here on it is quoted.\nFrom me.\n" in found["00001 Für Montag.eml"]
    assert b"Second." in found["00002 _climb.eml"]


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_the_same_name_twice_is_kept_twice(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = tmp_path / "x"
    if write is write_tar:
        write_tar(path, "w", (entry("a"), b"1"), (entry("a"), b"2"))
    else:
        with ZipFile(path, "w") as archive:
            archive.writestr("a", b"1")
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("a", b"2")
    limits = ParseLimits(scratch=str(tmp_path))
    attachments = parse_file(path, limits)[1].attachments
    assert [Path(str(each.path)).read_bytes() for each in attachments] == [b"1", b"2"]


JAVA_CLASS = b"\xca\xfe\xba\xbe\x00\x00\x00\x3d" + bytes(range(256))
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(300)
NOISE = bytes(range(256)) * 8


def parsed(path: Path) -> ParsedDocument:
    scratch = path.parent / "scratch"
    scratch.mkdir()
    return parse_file(path, ParseLimits(scratch=str(scratch)))[1]


def test_programs_in_a_jar_are_counted_and_become_no_documents(tmp_path: Path) -> None:
    entries = {f"org/kettle/Part{number}.class": JAVA_CLASS for number in range(40)}
    entries |= {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "lib/libkettle.so": PROGRAM}
    entries |= {"data.bin": NOISE, "README.md": b"# Kettle"}
    document = parsed(write_zip(tmp_path / "kettle.jar", entries))
    assert [each.name for each in document.attachments] == ["META-INF/MANIFEST.MF", "README.md"]
    assert document.metadata["members"] == 44
    assert document.metadata["members_left_out"] == [
        "40 application/java",
        "1 application/octet-stream",
        "1 application/x-executable",
    ]
    # What is left out takes no room.
    assert len([path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]) == 2


def test_the_content_decides_what_is_a_program(tmp_path: Path) -> None:
    entries = {"Notes.class": b"Notes of a class, in words.", "tool": PROGRAM}
    document = parsed(
        write_tar(tmp_path / "x.tar", "w", *((entry(name), data) for name, data in entries.items()))
    )
    assert [each.name for each in document.attachments] == ["Notes.class"]
    assert document.metadata["members_left_out"] == ["1 application/x-executable"]


def test_what_is_called_a_document_is_told_of(tmp_path: Path) -> None:
    names = ["report.pdf", "take.WAV", "empty.bin"]
    entries = dict.fromkeys(names[:2], NOISE) | {"empty.bin": b""}
    document = parsed(write_zip(tmp_path / "x.zip", entries))
    assert [each.name for each in document.attachments] == names
    assert "members_left_out" not in document.metadata


def test_an_archive_of_programs_alone_says_so(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.jar", {"A.class": JAVA_CLASS, "B.class": JAVA_CLASS})
    with pytest.raises(EmptyDocumentError, match="no documents, but 2 application/java"):
        parsed(path)
