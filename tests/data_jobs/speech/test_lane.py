"""Recordings through all stages, heard by the packaged models of Whisper."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_jobs.sources import source_uri
from data_jobs.speech.base import Samples
from data_jobs.stages.outcomes import DocumentOutcome
from tests.data_jobs.production import NAMESPACE, Production
from tests.data_jobs.speech.sounds import (
    SENTENCES,
    SPOKEN,
    noise,
    silence,
    speech,
    tone,
    word_errors,
    write,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("speech"),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here"),
]
PAUSE = 6.0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that are joined or converted once for all tests."""
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> list[Samples]:
    folder = tmp_path_factory.mktemp("voices")
    return [speech(sentence, folder) for sentence in SENTENCES]


def production(tmp_path: Path, cache: Path, **speech: object) -> Production:
    return Production(tmp_path / "home", dense={"cache": str(cache)}, speech=speech)


def heard(found: Production) -> list[dict[str, object]]:
    table = found.corpus.dataset().to_table()
    return sorted(table.to_pylist(), key=lambda row: row["position"])


def spoken(rows: list[dict[str, object]]) -> str:
    return " ".join(str(row["indexed_text"])[int(str(row["text_offset"])) :] for row in rows)


def test_words_times_and_language_are_right(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    pause = silence(PAUSE)
    sound = np.concatenate([pause, voices[0], pause, voices[1], pause, voices[2]])
    path = write(tmp_path / "talk.mp3", sound, title="The boat")
    studio = production(tmp_path, cache, model="base")
    assert studio.run(path)["talk.mp3"].outcome == "ready"
    rows = heard(studio)
    text = spoken(rows)
    assert word_errors(SPOKEN, text) <= 0.15, text
    starts, now = [], 0.0
    for voice in voices:
        starts.append(now + PAUSE)
        now += PAUSE + len(voice) / 16_000
    assert [row["t_start"] for row in rows] == pytest.approx(starts, abs=0.7)
    ends = [start + len(voice) / 16_000 for start, voice in zip(starts, voices, strict=True)]
    assert [row["t_end"] for row in rows] == pytest.approx(ends, abs=0.9)
    row = studio.row(source_uri(path))
    assert (row.title, row.media_type) == ("The boat", "audio/mpeg")
    assert row.metadata["language"] == "en"
    assert row.metadata["speech_model"] == "faster-whisper base"
    assert 0.3 < float(str(row.metadata["speech_confidence"])) <= 1
    assert row.metadata["duration"] == pytest.approx(len(sound) / 16_000, abs=0.2)
    assert set(row.timings) >= {"parse", "transcribe", "chunk"}
    assert studio.run(path)["talk.mp3"].outcome == "skipped"
    again = production(tmp_path, cache, model="tiny.en")
    assert again.run(path)["talk.mp3"].outcome == "ready"


def test_what_cannot_be_heard_is_quarantined_with_its_reason(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    write(folder / "silence.wav", silence(20))
    write(folder / "noise.flac", noise(20))
    write(folder / "tone.ogg", tone(20))
    long = write(folder / "long.wav", np.tile(tone(10), 13))
    cut = write(folder / "cut.m4a", voices[0])
    cut.write_bytes(cut.read_bytes()[:-2_000])
    (folder / "notes.txt").write_text("The lighthouse.")
    write(folder / "talk.webm", voices[0])
    studio = production(tmp_path, cache, model="tiny.en", max_duration_s=120)
    found = studio.run(folder)
    assert reasons(found) == {
        "silence.wav": "NoSpeechError",
        "noise.flac": "NoSpeechError",
        "tone.ogg": "NoSpeechError",
        "long.wav": "LimitExceededError",
        "cut.m4a": "UnreadableFileError",
        "notes.txt": None,
        "talk.webm": None,
    }
    assert "PMOVES_SPEECH__MAX_DURATION_S" in str(found["long.wav"].message)
    assert studio.row(source_uri(long)).status == "quarantined"


def reasons(found: dict[str, DocumentOutcome]) -> dict[str, str | None]:
    return {name: each.type for name, each in found.items()}


def test_the_other_backend_hears_the_same(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    path = write(tmp_path / "talk.flac", np.concatenate(voices))
    studio = production(tmp_path, cache, backend="openai-whisper", model="tiny.en", beam_size=1)
    assert studio.run(path)["talk.flac"].outcome == "ready"
    text = spoken(heard(studio))
    assert word_errors(SPOKEN, text) <= 0.25, text
    row = studio.row(source_uri(path))
    assert row.metadata["speech_model"] == "openai-whisper tiny.en"


def test_a_recording_attached_to_a_mail_is_heard(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.org", "c@d.org", "Voice"
    message.set_content("Listen to this.")
    sound = write(tmp_path / "note.mp3", voices[2]).read_bytes()
    message.add_attachment(sound, "audio", "mpeg", filename="note.mp3")
    path = tmp_path / "voice.eml"
    path.write_bytes(message.as_bytes())
    studio = production(tmp_path, cache, model="tiny.en")
    found = studio.run(path)
    assert {each.outcome for each in found.values()} == {"ready"}
    assert len(studio.corpus.documents([NAMESPACE]).documents) == 2
    assert any("song" in text for text in studio.texts())


def test_switched_off_or_without_weights_the_reason_says_what_to_do(
    tmp_path: Path, cache: Path
) -> None:
    path = write(tmp_path / "tone.wav", tone(2))
    off = production(tmp_path, cache, backend="off").run(path)["tone.wav"]
    assert (off.type, off.stage) == ("UnsupportedTypeError", "transcribe")
    assert "PMOVES_SPEECH__BACKEND" in str(off.message)
    lost = production(tmp_path, cache, model=str(tmp_path / "nowhere")).run(path)["tone.wav"]
    assert "PMOVES_SPEECH__MODEL: there is nothing at" in str(lost.message)


def test_time_is_bounded_and_the_next_recording_is_heard(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    write(folder / "a.wav", np.concatenate([*voices] * 12))
    (folder / "b.txt").write_text("Later.")
    studio = production(
        tmp_path, cache, model="base", base_s=1, seconds_per_second=0.01, beam_size=5
    )
    found = studio.run(folder)
    assert found["a.wav"].type == "LimitExceededError"
    assert found["b.txt"].outcome == "ready"


def test_a_job_that_is_stopped_leaves_the_recording_open(
    tmp_path: Path, cache: Path, voices: list[Samples]
) -> None:
    path = write(tmp_path / "talk.wav", np.concatenate([*voices] * 12))
    studio = production(tmp_path, cache, model="base")
    said: list[str] = []

    def stop(what: str) -> None:
        said.append(what)
        studio.monitor.tally.stopping = "talk.wav" in what or studio.monitor.tally.stopping

    studio.monitor.doing = stop  # type: ignore[method-assign]
    assert studio.run(path)["talk.wav"].outcome == "stopped"
    assert said[0] == "listening to talk.wav"
