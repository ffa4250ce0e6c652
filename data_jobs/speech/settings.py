"""Settings of speech recognition."""

from typing import Annotated, Literal

from pydantic import Field

from retrieval.settings import Group

GIB = 2**30
Seconds = Annotated[float, Field(ge=1, le=7 * 86_400)]
Profile = Literal["auto", "talk", "dialogue", "lyrics", "talk-long", "off"]


class SegmentationSettings(Group):
    """Where the transcript of a recording or video is cut into passages."""

    profile: Profile = Field(
        "auto",
        description="How speech is cut: talk, dialogue, lyrics or talk-long; auto: told from the "
        "transcript; off: by tokens alone, as captions are.",
    )
    target_seconds: float = Field(
        30.0, ge=1, le=3_600, description="Length at which a passage of the profile talk ends."
    )
    gap_seconds: float = Field(
        1.2, ge=0, le=3_600, description="Silence at which a passage of the profile talk ends."
    )
    min_characters: int = Field(
        600,
        ge=1,
        le=100_000,
        description="Text from which on the end of a sentence ends a passage of the profile talk.",
    )
    max_characters: int = Field(
        1_500, ge=1, le=100_000, description="Most text in one passage of the profile talk."
    )
    max_seconds: float = Field(
        60.0, ge=1, le=3_600, description="Longest passage of the profile talk."
    )


class SpeakerSettings(Group):
    """How speakers are told apart."""

    backend: Literal["off", "sherpa-onnx"] = Field(
        "off", description="What tells speakers apart; needs the extra `speakers`."
    )
    model: str = Field(
        "",
        max_length=4_096,
        description="ONNX file of a speaker embedding model, or the folder that holds it.",
    )
    count: int = Field(
        0, ge=0, le=100, description="Speakers of each recording; 0: told from their voices."
    )
    threshold: float = Field(
        0.4,
        gt=0,
        le=2,
        description="Cosine distance from which on voices are two speakers'; depends on the model.",
    )


class SpeechSettings(Group):
    """How the words of audio and video files are recognised."""

    backend: Literal["faster-whisper", "openai-whisper", "off"] = Field(
        "faster-whisper", description="Which Whisper runs; off: recordings are quarantined."
    )
    model: str = Field(
        "auto",
        description="Name of a Whisper model, or the path of its folder (faster-whisper) or .pt "
        "file (openai-whisper); auto: the best one that is installed as a package.",
    )
    language: str = Field(
        "", max_length=16, description="Language of all recordings, such as 'en'; empty: detected."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where Whisper runs.")
    compute_type: str = Field(
        "auto",
        description="Number format of faster-whisper: int8, float32, …; auto: int8 on a CPU, "
        "float16 on a GPU.",
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of one worker; 0: half of the cores."
    )
    beam_size: int = Field(5, ge=1, le=20, description="Hypotheses that Whisper follows at once.")
    max_duration_s: Seconds = Field(
        14_400.0, description="Longest recording that is transcribed, in seconds."
    )
    base_s: Seconds = Field(
        300.0, description="Wall-clock time for one recording, whatever its length, in seconds."
    )
    seconds_per_second: float = Field(
        4.0, ge=0.01, le=1_000, description="Wall-clock time added for each second of a recording."
    )
    memory_bytes: int = Field(
        8 * GIB,
        ge=GIB,
        le=1_024 * GIB,
        description="Memory that a worker on a CPU may take, the model included.",
    )
    workers: int = Field(1, ge=1, le=1_024, description="Workers, each with its own model.")
    cpus: float = Field(0.2, ge=0, le=256, description="CPUs that Ray sets aside for a worker.")
    gpus: float = Field(0.0, ge=0, le=16, description="GPUs that Ray sets aside for a worker.")
    segmentation: SegmentationSettings = SegmentationSettings()
    speakers: SpeakerSettings = SpeakerSettings()

    def seconds_for(self, duration: float) -> float:
        """Return the wall-clock time for a recording of `duration` seconds."""
        return self.base_s + self.seconds_per_second * duration
