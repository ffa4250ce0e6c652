"""Videos through all stages: one document each, found again by its second."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from data_jobs.stages.records import VIDEO as NOTES
from retrieval.chunk import Document
from tests.data_jobs.production import NAMESPACE, Production
from tests.data_jobs.video.site import (
    LINES,
    VIDEO,
    Reply,
    Site,
    as_json,
    json3,
    player,
    site,
    watch_page,
)

WATCH = f"https://www.youtube.com/watch?v={VIDEO}"


@pytest.fixture
def host() -> Iterator[Site]:
    with site() as served:
        yield served


def production(host: Site, home: Path, **video: object) -> Production:
    given = {"youtube_url": host.url, "steps": ["captions"], "pause_s": 0, "attempts": 1}
    return Production(home, video={**given, **video}, fetch={"private_hosts": ["127.0.0.1"]})


def captioned(host: Site) -> None:
    host.routes["/watch"] = watch_page(player(("en", "", "/api/timedtext?lang=en")))
    host.routes["/api/timedtext"] = Reply(json3())


def row_of(studio: Production) -> Document:
    row = studio.corpus.document(NAMESPACE, f"yt:{VIDEO}")
    assert row is not None
    return row


def chunks(studio: Production) -> list[dict[str, object]]:
    rows = studio.corpus.dataset().to_table().to_pylist()
    return sorted(rows, key=lambda row: row["position"])


def test_a_video_is_one_document_with_chapters_and_seconds(host: Site, tmp_path: Path) -> None:
    captioned(host)
    studio = production(host, tmp_path / "home")
    [found] = studio.run(f"https://youtu.be/{VIDEO}?t=7").values()
    assert (found.outcome, found.source) == ("ready", WATCH)
    row = row_of(studio)
    assert (row.title, row.status) == ("Recording a harp", "ready")
    notes = cast(dict[str, Any], row.metadata[NOTES])
    assert notes["chapters"] == [
        {"start": 0.0, "title": "Tuning"},
        {"start": 5.0, "title": "The hall"},
        {"start": 10.0, "title": "Recording"},
    ]
    assert [line["step"] for line in notes["steps"]] == ["captions captions"]
    rows = chunks(studio)
    assert [each["heading"] for each in rows] == ["Tuning", "The hall", "Recording"]
    assert [each["t_start"] for each in rows] == [0.0, 5.0, 10.0]
    for each, line in zip(rows, LINES, strict=True):
        assert line in str(each["indexed_text"])
        metadata = json.loads(str(each["metadata"]))
        assert metadata["channel"] == "Slack Water"
        assert (metadata["source"], metadata["video_id"]) == ("youtube", VIDEO)
        assert metadata["transcript"] == "captions"
        assert "steps" not in metadata


def test_the_ledger_is_the_archive(host: Site, tmp_path: Path) -> None:
    captioned(host)
    studio = production(host, tmp_path / "home")
    studio.run(WATCH)
    asked = len(host.asked)
    [again] = studio.run(f"https://www.youtube.com/shorts/{VIDEO}").values()
    assert (again.outcome, len(host.asked)) == ("skipped", asked)
    other = Production(
        tmp_path / "home",
        video={"youtube_url": host.url, "steps": ["captions"], "pause_s": 0},
        fetch={"private_hosts": ["127.0.0.1"]},
        speech={"segmentation": {"profile": "off"}},
    )
    [made_anew] = other.run(WATCH).values()
    assert made_anew.outcome == "ready"
    assert not list((tmp_path / "home" / "spool").rglob("*.json3"))


def test_a_video_that_is_gone_is_not_asked_for_again(host: Site, tmp_path: Path) -> None:
    gone = {"playabilityStatus": {"status": "ERROR", "reason": "This video is private"}}
    host.routes["/watch"] = watch_page(gone)
    studio = production(host, tmp_path / "home")
    [found] = studio.run(WATCH).values()
    assert (found.outcome, found.stage, found.type) == ("quarantined", "fetch", "VideoGoneError")
    [again] = studio.run(WATCH).values()
    assert (again.outcome, len(host.asked)) == ("quarantined", 1)
    captioned(host)
    [retried] = studio.run(WATCH, retry=True).values()
    assert retried.outcome == "ready"


def test_a_host_in_trouble_costs_a_reason_and_is_asked_again(host: Site, tmp_path: Path) -> None:
    host.routes["/watch"] = Reply(b"", 429)
    (tmp_path / "notes.md").write_text("# Notes\n\nThe harp is tuned.\n")
    studio = production(host, tmp_path / "home")
    found = studio.run(WATCH, tmp_path / "notes.md")
    assert found["notes.md"].outcome == "ready"
    failed = found[f"watch?v={VIDEO}"]
    assert (failed.outcome, failed.type) == ("quarantined", "SourceError")
    assert "captions captions: status 429" in str(failed.message)
    captioned(host)
    assert studio.run(WATCH)[f"watch?v={VIDEO}"].outcome == "ready"


@pytest.mark.integration
@pytest.mark.xdist_group("speech")
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")
def test_without_captions_the_sound_is_heard(host: Site, tmp_path: Path) -> None:
    from tests.data_jobs.speech.sounds import SENTENCES, SPOKEN, speech, word_errors, write

    voices = np.concatenate([speech(line, tmp_path) for line in SENTENCES])
    sound = write(tmp_path / "sound.m4a", voices).read_bytes()
    formats = [{"itag": 140, "mimeType": "audio/mp4", "bitrate": 1, "url": "/media/sound"}]
    host.routes["/watch"] = watch_page(player())
    answer = player(streamingData={"adaptiveFormats": formats})
    host.routes["/companion/youtubei/v1/player"] = as_json(answer)
    host.routes["/media/sound"] = Reply(sound, content_type="audio/mp4")
    steps = ["captions", "companion", "audio"]
    studio = production(host, tmp_path / "home", steps=steps, companion_url=host.url)
    [found] = studio.run(WATCH).values()
    assert found.outcome == "ready", found.message
    row = row_of(studio)
    assert (row.title, row.media_type) == ("Recording a harp", "audio/mp4")
    rows = chunks(studio)
    texts = [str(each["indexed_text"])[int(str(each["text_offset"])) :] for each in rows]
    said = " ".join(texts)
    for chapter in ("Tuning", "The hall", "Recording"):
        said = said.replace(chapter, "", 1)
    assert word_errors(SPOKEN, said) <= 0.15, said
    metadata = json.loads(str(rows[0]["metadata"]))
    assert (metadata["transcript"], metadata["language"]) == ("sound", "en")
    assert host.paths().count("/media/sound") == 1
    assert studio.run(WATCH).popitem()[1].outcome == "skipped"
    assert host.paths().count("/media/sound") == 1
