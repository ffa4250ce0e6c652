"""Tracks, facts, failures, options and the breaker."""

import pytest
from pydantic import ValidationError

from data_jobs.breaker import Breaker
from data_jobs.video.facts import chapters_in, facts_of_info
from data_jobs.video.failures import failure_of
from data_jobs.video.tracks import Track, best_track
from retrieval.video_options import VideoOptions
from tests.data_jobs.video.site import DESCRIPTION

TRACKS = [Track("auto", "en", True), Track("german", "de"), Track("british", "en-GB")]


@pytest.mark.parametrize(
    ("languages", "automatic", "url"),
    [
        (["en"], True, "british"),
        (["de", "en"], True, "german"),
        (["fr", "en"], False, "british"),
        (["fr"], True, None),
        (["*"], True, "german"),
    ],
)
def test_people_come_before_machines_and_languages_in_their_order(
    languages: list[str], automatic: bool, url: str | None
) -> None:
    found = best_track(TRACKS, languages, automatic)
    assert (found.url if found else None) == url


def test_captions_of_machines_can_be_refused() -> None:
    assert best_track(TRACKS[:1], ["en"], automatic=False) is None
    assert best_track(TRACKS[:1], ["en"]) == TRACKS[0]


def test_chapters_are_read_as_youtube_reads_them() -> None:
    assert chapters_in(DESCRIPTION) == ((0, "Tuning"), (5, "The hall"), (10, "Recording"))
    assert chapters_in("1:02:03 - Late\n0:00 Start\n") == ()
    assert chapters_in("0:10 Not at the start\n0:20 Two\n0:30 Three") == ()


def test_facts_survive_nonsense() -> None:
    facts = facts_of_info({"title": 7, "duration": "x", "tags": "no", "upload_date": 2026})
    assert (facts.title, facts.duration, facts.tags, facts.published) == ("", 0.0, (), "")
    facts = facts_of_info({"title": "A", "upload_date": "20260131", "duration": 7})
    assert (facts.published, facts.duration) == ("2026-01-31", 7.0)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ERROR: [youtube] x: Private video. Sign in if you've been granted access", "final"),
        ("Video unavailable. This video has been removed by the uploader", "final"),
        ("This video contains content from X, who has blocked it on copyright grounds", "final"),
        ("This video is no longer available because the account has been terminated", "final"),
        ("ERROR: [generic] Unable to download webpage: HTTP Error 404: Not Found", "final"),
        ("status 404: Video does not exist", "final"),
        ("Requested format is not available", "absent"),
        ("Only images are available for download", "absent"),
        ("Sign in to confirm you're not a bot", "later"),
        ("HTTP Error 429: Too Many Requests", "later"),
        ("nsig extraction failed: Some formats may be missing", "later"),
        ("Did not get any data blocks", "later"),
    ],
)
def test_reasons_fall_into_classes(reason: str, kind: str) -> None:
    assert failure_of(reason).kind == kind


def test_the_breaker_leaves_out_and_tries_again() -> None:
    now = [0.0]
    breaker = Breaker(2, 60, clock=lambda: now[0])
    breaker.failed()
    assert not breaker.is_open()
    breaker.failed()
    assert breaker.is_open()
    now[0] = 61
    assert not breaker.is_open()
    assert breaker.is_open()
    breaker.succeeded()
    assert not breaker.is_open()


@pytest.mark.parametrize(
    "options",
    [
        {"exec": "rm -rf /"},
        {"postprocessors": []},
        {"cookiefile": "/etc/passwd"},
        {"outtmpl": "/tmp/x"},
        {"format": "bestvideo+bestaudio"},
        {"format": "best;rm"},
        {"subtitleslangs": ["../x"]},
        {"playlist_items": "1; rm"},
        {"playlistend": 0},
    ],
)
def test_only_options_of_the_list_can_be_chosen(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VideoOptions.model_validate(options)


def test_options_of_the_list_can_be_chosen() -> None:
    given = {"format": "bestaudio/best[height<=480]", "subtitleslangs": ["en-GB", "*"]}
    assert VideoOptions.model_validate(given).model_dump(exclude_none=True) == given
