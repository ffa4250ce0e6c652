"""Who speaks: voices that are alike become one speaker, from the sound to the passages."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from data_jobs.chunking.passages import _speaker
from data_jobs.errors import SpeechError
from data_jobs.fingerprint import with_speech
from data_jobs.parse.base import Block
from data_jobs.speech.base import SAMPLE_RATE, Samples, Segment, Voice
from data_jobs.speech.settings import SpeakerSettings, SpeechSettings
from data_jobs.speech.speakers import load_encoder, speakers_of
from data_jobs.speech.transcription import transcribe
from data_jobs.speech.utterance import Utterance
from tests.data_jobs.speech.sounds import SENTENCES, speech

OFF, ON = SpeakerSettings(), SpeakerSettings(backend="sherpa-onnx")


def voice(degrees: float, noise: float = 0.0) -> Voice:
    angle = math.radians(degrees + noise)
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def test_speakers_are_named_as_they_are_first_heard() -> None:
    dialogue = [voice(90), voice(91), None, voice(0), voice(88), voice(2)]
    assert speakers_of(dialogue, ON) == ["S1", "S1", "", "S2", "S1", "S2"]
    assert speakers_of([], ON) == []
    assert speakers_of([None], ON) == [""]
    assert speakers_of([voice(7)], ON) == ["S1"]


def test_how_far_speakers_are_apart_and_how_many_they_are_is_set() -> None:
    voices = [voice(0), voice(30), voice(60)]
    assert speakers_of(voices, ON) == ["S1", "S1", "S1"]
    assert len(set(speakers_of(voices, ON.model_copy(update={"threshold": 0.05})))) == 3
    assert len(set(speakers_of(voices, ON.model_copy(update={"count": 2})))) == 2
    assert len(set(speakers_of(voices, ON.model_copy(update={"count": 9})))) == 3


def test_a_long_recording_keeps_its_two_speakers() -> None:
    dice = np.random.default_rng(3)
    who = dice.integers(0, 2, 3_000)
    voices = [voice(90 * int(n), float(dice.normal(0, 6))) for n in who]
    labels = speakers_of(voices, ON)
    assert set(labels) == {"S1", "S2"}
    assert [label == labels[0] for label in labels] == [n == who[0] for n in who]


def test_a_passage_is_of_who_says_most_of_it() -> None:
    blocks = [Block("Yes.", speaker="S1"), Block("No, it was late.", speaker="S2"), Block("Well")]
    assert _speaker(blocks) == "S2"
    assert _speaker([Block("Nobody is known.")]) is None
    cue = Block("Yes.", "cue", t_start=1.0, t_end=2.0, speaker="S1")
    assert Utterance.of(cue) == Utterance(1.0, 2.0, "Yes.", "S1")


def test_telling_speakers_apart_listens_again_and_leaving_it_off_does_not() -> None:
    model = SpeakerSettings(backend="sherpa-onnx", model="/models/a.onnx")
    plain, told = SpeechSettings(), SpeechSettings(speakers=model)
    other = SpeechSettings(speakers=SpeakerSettings(model="/models/a.onnx"))
    assert with_speech("p", plain) == with_speech("p", other) != with_speech("p", told)


def test_nothing_is_loaded_where_speakers_are_not_told_apart() -> None:
    assert load_encoder(OFF, 1) is None


class Reader:
    """Hears a sentence in each second, so that the speakers alone are looked at."""

    name = "reader"

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        return "en", 1.0

    def segments(self, samples: Samples, language: str) -> Iterator[Segment]:
        for second in range(math.ceil(len(samples) / SAMPLE_RATE / 2)):
            yield Segment(2 * second, 2 * second + 2, f"Words of part {second}.", 0.9)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker embedding model in ONNX: how loud each band of a stretch is, beside the mean."""
    made, folder = onnx.helper, tmp_path_factory.mktemp("model")
    nodes = [
        made.make_node("ReduceMean", ["x"], ["bands"], axes=[1], keepdims=0),
        made.make_node("ReduceMean", ["bands"], ["level"], axes=[1], keepdims=1),
        made.make_node("Sub", ["bands", "level"], ["embedding"]),
    ]
    graph = made.make_graph(
        nodes,
        "bands",
        [made.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", "T", 80])],
        [made.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["N", 80])],
    )
    found = made.make_model(graph, opset_imports=[made.make_opsetid("", 13)], ir_version=8)
    told = {"framework": "3d-speaker", "language": "English", "output_dim": "80"}
    told |= {"sample_rate": "16000", "normalize_samples": "1", "feature_normalize_type": ""}
    made.set_model_props(found, told)
    onnx.save(found, str(folder / "bands.onnx"))
    return folder


@pytest.mark.integration
def test_two_voices_are_told_apart_by_a_model_in_a_folder(model: Path, tmp_path: Path) -> None:
    voices = ("en-us", "en-us+f3")
    talk = [speech(text, tmp_path, voice) for text in SENTENCES for voice in voices]
    settings = SpeakerSettings(backend="sherpa-onnx", model=str(model), count=2)
    encoder = load_encoder(settings, 1)
    assert encoder is not None
    assert encoder.name == "sherpa-onnx bands"
    labels = speakers_of([encoder.encode(samples) for samples in talk], settings)
    assert labels == ["S1", "S2"] * len(SENTENCES)
    assert encoder.encode(np.zeros(100, np.float32)) is None
    sound = np.concatenate(talk)
    found = transcribe([sound], Reader(), "en", encoder, settings)
    assert found.metadata()["speaker_model"] == "sherpa-onnx bands"
    assert found.metadata()["speakers"] == len({b.speaker for b in found.blocks() if b.speaker})
    assert all(segment.voice is None for segment in found.segments)


def test_what_is_no_model_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"not a model")
    (tmp_path / "two").mkdir()
    for name in "ab":
        (tmp_path / "two" / f"{name}.onnx").touch()
    for given, told in (
        (str(tmp_path / "a.onnx"), "failed"),
        (str(tmp_path / "two"), "2 .onnx files"),
        (str(tmp_path / "none"), "there is no model"),
        ("", "there is no model"),
    ):
        with pytest.raises(SpeechError, match=told):
            load_encoder(SpeakerSettings(backend="sherpa-onnx", model=given), 1)
    assert load_encoder(SpeakerSettings(backend="sherpa-onnx", model=str(model)), 1)
