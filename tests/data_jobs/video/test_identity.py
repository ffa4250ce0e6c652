"""Which addresses are videos, playlists and channels."""

import pytest

from data_jobs.video.base import Video
from data_jobs.video.identity import collection_of, full_url, video_document_id, video_of
from tests.data_jobs.video.site import VIDEO

WATCH = f"https://www.youtube.com/watch?v={VIDEO}"


@pytest.mark.parametrize(
    "source",
    [
        WATCH,
        f"http://youtube.com/watch?v={VIDEO}&list=PLx&t=4s",
        f"https://m.youtube.com/watch?list=PLx&v={VIDEO}",
        f"https://music.youtube.com/watch?v={VIDEO}",
        f"https://youtu.be/{VIDEO}?si=abc",
        f"https://www.youtube.com/shorts/{VIDEO}",
        f"https://www.youtube.com/live/{VIDEO}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{VIDEO}",
        f"https://WWW.YouTube.com/v/{VIDEO}",
        f"yt:{VIDEO}",
        f"youtube:{VIDEO}",
    ],
)
def test_every_address_of_a_video_is_one_document(source: str) -> None:
    assert video_of(source) == Video(WATCH, VIDEO)
    assert video_document_id(source) == f"yt:{VIDEO}"
    assert collection_of(source) is None


@pytest.mark.parametrize(
    ("source", "url"),
    [
        (
            "https://youtube.com/playlist?list=PL123&x=1",
            "https://www.youtube.com/playlist?list=PL123",
        ),
        ("https://www.youtube.com/@slackwater", "https://www.youtube.com/@slackwater"),
        (
            "https://www.youtube.com/@slackwater/videos",
            "https://www.youtube.com/@slackwater/videos",
        ),
        ("https://www.youtube.com/channel/UC1", "https://www.youtube.com/channel/UC1"),
        ("https://www.youtube.com/c/Slack", "https://www.youtube.com/c/Slack"),
    ],
)
def test_playlists_and_channels_are_collections(source: str, url: str) -> None:
    assert (video_of(source), collection_of(source)) == (None, url)


@pytest.mark.parametrize(
    "source",
    [
        f"https://notyoutube.com/watch?v={VIDEO}",
        f"https://youtube.com.evil.org/watch?v={VIDEO}",
        "https://www.youtube.com/watch?v=short",
        "https://www.youtube.com/",
        f"file:///watch?v={VIDEO}",
        f"ftp://youtu.be/{VIDEO}",
        "yt:../../etc/pwd",
        "http://[bad",
        "notes.md",
    ],
)
def test_all_else_is_left_alone(source: str) -> None:
    assert video_of(source) is None
    assert collection_of(source) is None
    assert full_url(source) == source


def test_other_sites_are_videos_where_they_are_named() -> None:
    page = "https://player.vimeo.com/video/1"
    assert video_of(page) is None
    assert video_of(page, ["Vimeo.com"]) == Video(page)
    assert video_of("https://notvimeo.com/1", ["vimeo.com"]) is None
    assert Video(page).doc_id is None
