"""Recordings in a real job: they go their way, and text is not held up by them; see `make soak`."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_jobs.pipeline import run_pipeline
from data_jobs.plan import Plan
from data_jobs.session import ray_session
from data_jobs.settings import JobSettings
from data_jobs.shared_monitor import SharedMonitor
from retrieval.jobs import JobRequest, SourceItem
from tests.data_jobs.production import RecordingEmbedder
from tests.data_jobs.speech.sounds import SENTENCES, noise, speech, write

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.soak,
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here"),
]


def test_text_overtakes_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    voices = np.concatenate([speech(sentence, tmp_path) for sentence in SENTENCES])
    write(folder / "a-talk.m4a", np.tile(voices, 4))
    write(folder / "a-noise.wav", noise(30))
    for number in range(12):
        (folder / f"note {number:02}.md").write_text(f"# Note {number}\n\nThe harp is tuned.\n")
    settings = JobSettings.model_validate(
        {
            "home": tmp_path / "home",
            "speech": {"model": "tiny.en"},
            "ingest": {"bundle_documents": 2},
        }
    )
    request = JobRequest(namespace="studio", sources=[SourceItem(uri=folder.as_uri())])
    with ray_session():
        monitor = SharedMonitor()
        try:
            plan = Plan(request, settings, RecordingEmbedder)
            outcomes = list(run_pipeline(plan, monitor))
        finally:
            monitor.close()
    names = [outcome.source.rpartition("/")[2] for outcome in outcomes]
    assert {outcome.outcome for outcome in outcomes[:12]} == {"ready"}
    assert set(names[-2:]) == {"a-talk.m4a", "a-noise.wav"}
    assert {outcome.type for outcome in outcomes[-2:]} == {None, "NoSpeechError"}
