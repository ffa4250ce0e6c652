"""Audio and video files: known by their content, told of by their headers."""

import contextlib
import sys
from pathlib import Path

import pytest

from data_jobs.errors import IngestError, UnreadableFileError, UnsupportedTypeError
from data_jobs.parse.detect import detect_media_type
from data_jobs.parse.registry import parse_file
from data_jobs.speech.base import SAMPLE_RATE
from data_jobs.speech.decoding import decoded, opened
from tests.data_jobs.speech.sounds import FORMATS, silence, tone, write

# FFmpeg tells of these only what is there; a cut at the end cannot be seen.
OPEN_ENDED = {"ogg", "opus", "aac", "ts", "mpg"}


@pytest.mark.parametrize("extension", FORMATS)
def test_a_recording_is_known_by_its_content(extension: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"sound.{extension}", tone(3))
    unnamed = path.rename(tmp_path / "sound.txt")
    media_type, document = parse_file(unnamed)
    assert media_type == FORMATS[extension][2]
    assert document.needs_speech
    assert document.metadata["duration"] == pytest.approx(3, abs=0.1)
    assert not document.blocks


@pytest.mark.parametrize("extension", FORMATS)
def test_its_sound_comes_out_at_16_kilohertz(extension: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"sound.{extension}", tone(2))
    with opened(path, FORMATS[extension][2]) as container:
        pieces = list(decoded(container))
    assert sum(map(len, pieces)) / SAMPLE_RATE == pytest.approx(2, abs=0.15)
    loudest = max(float(piece.max()) for piece in pieces)
    assert 0.1 < loudest < 0.35


@pytest.mark.parametrize("extension", FORMATS)
def test_a_recording_that_is_cut_off_is_refused(extension: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"sound.{extension}", tone(20))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    if extension in OPEN_ENDED:
        assert float(str(parse_file(path)[1].metadata["duration"])) < 19
    else:
        with pytest.raises(UnreadableFileError, match=r"cut off after|damaged"):
            parse_file(path)


def test_tags_become_title_and_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "song.mp3", tone(1), title="Slack Water", artist="Ingrid", album="Two")
    _media_type, document = parse_file(path)
    assert document.title == "Slack Water"
    assert document.metadata["author"] == "Ingrid"
    assert document.metadata["album"] == "Two"


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    import av

    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(UnreadableFileError, match="no sound"):
        parse_file(path)


def test_an_unknown_coding_of_sound_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.wav", tone(1.0))
    data = bytearray(path.read_bytes())
    at = data.index(b"fmt ") + 8
    data[at : at + 2] = b"\x34\x12"
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableFileError, match="FFmpeg does not know"):
        parse_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_lists_of_other_files_are_never_followed(text: str, tmp_path: Path) -> None:
    path = tmp_path / "list.mp3"
    path.write_text(text)
    assert detect_media_type(path) == "text/plain"
    with pytest.raises(UnreadableFileError), opened(path, "audio/mpeg") as container:
        list(decoded(container))


@pytest.mark.parametrize("extension", FORMATS)
def test_damage_ends_in_a_reason(extension: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"sound.{extension}", silence(1))
    data = bytearray(path.read_bytes())
    for at in range(40, len(data), max(1, len(data) // 200)):
        data[at] ^= 0xA5
    path.write_bytes(data)
    # Some formats bear the damage; the others must end in a reason, not in a crash.
    with contextlib.suppress(IngestError):
        media_type, _document = parse_file(path)
        with opened(path, media_type) as container:
            assert all(len(piece) > 0 for piece in decoded(container))


def test_without_the_package_the_reason_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "sound.wav", tone(1))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnsupportedTypeError, match=r"pip install 'pmoves-mesh\[audio\]'"):
        parse_file(path)
