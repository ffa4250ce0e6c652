"""The real yt-dlp, in its process, against pages on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from data_jobs.video.base import Video, Wanted
from data_jobs.video.failures import Failure
from data_jobs.video.settings import VideoSettings
from data_jobs.video.ytdlp import YtDlp
from retrieval.fetching.settings import FetchSettings
from tests.data_jobs.speech.sounds import tone, write
from tests.data_jobs.video.site import LINES, Asked, Reply, Site, site, vtt

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("speech")]
ENGLISH = Wanted(("en",))
PAGE = """<!doctype html><html><head><title>Recording a harp</title></head><body>
<video src="/media/harp.m4a">{track}</video></body></html>"""
TRACK = '<track kind="subtitles" src="/media/harp.vtt" srclang="en">'


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    sound = write(tmp_path_factory.mktemp("media") / "harp.m4a", tone(3)).read_bytes()
    with site() as served:
        served.routes["/captioned"] = page(PAGE.format(track=TRACK))
        served.routes["/plain"] = page(PAGE.format(track=""))
        served.routes["/media/harp.m4a"] = Reply(sound, content_type="audio/mp4")
        served.routes["/media/harp.vtt"] = Reply(vtt(), content_type="text/vtt")
        yield served


def page(text: str) -> Reply:
    return Reply(text.encode(), content_type="text/html; charset=utf-8")


def program(private: str = "127.0.0.1", **more: object) -> YtDlp:
    settings = VideoSettings.model_validate({"extractors": ["generic", "html5"], **more})
    return YtDlp(settings, FetchSettings(private_hosts=[private]), lambda: False)


def test_captions_of_a_page_are_found(host: Site, tmp_path: Path) -> None:
    found = program().captions(Video(f"{host.url}/captioned"), ENGLISH, tmp_path)
    assert (found.kind, found.language) == ("captions", "en")
    assert all(line in found.path.read_text() for line in LINES)
    assert "harp" in found.facts.title.lower()
    assert "/media/harp.m4a" not in host.paths() or host.asked[-1].path != "/media/harp.m4a"


def test_the_page_is_asked_once_for_captions_and_sound(host: Site, tmp_path: Path) -> None:
    video = Video(f"{host.url}/plain")
    with pytest.raises(Failure) as failure:
        program().captions(video, ENGLISH, tmp_path)
    assert failure.value.kind == "absent"
    asked = host.paths().count("/plain")
    found = program().sound(video, ENGLISH, tmp_path)
    assert found.path.read_bytes() == host.routes["/media/harp.m4a"].body  # type: ignore[union-attr]
    assert host.paths().count("/plain") == asked


def test_cut_downloads_and_missing_pages_are_told(host: Site, tmp_path: Path) -> None:
    whole = host.routes["/media/harp.m4a"]
    assert isinstance(whole, Reply)
    host.routes["/media/harp.m4a"] = Reply(whole.body, content_type="audio/mp4", cut=5_000)
    with pytest.raises(Failure) as cut:
        program().sound(Video(f"{host.url}/plain"), ENGLISH, tmp_path)
    assert cut.value.kind == "later"
    with pytest.raises(Failure) as gone:
        program().captions(Video(f"{host.url}/nowhere"), ENGLISH, tmp_path / "..")
    assert gone.value.kind == "final"


def test_extractors_and_addresses_that_are_not_allowed_stay_out(host: Site, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"[Uu]nsupported|No suitable|no suitable"):
        program(extractors=["youtube.*"]).captions(
            Video(f"{host.url}/captioned"), ENGLISH, tmp_path
        )
    with pytest.raises(Failure, match="not a public address"):
        program(private="10.9.9.9").captions(Video(f"{host.url}/captioned"), ENGLISH, tmp_path)
    assert host.asked == []
    inside = PAGE.format(track=TRACK.replace("/media/harp.vtt", "http://127.0.0.2:9/x.vtt"))
    host.routes["/inside"] = page(inside)
    with pytest.raises(Failure, match=r"127\.0\.0\.2"):
        program().captions(Video(f"{host.url}/inside"), ENGLISH, tmp_path)


def test_lists_name_their_videos(host: Site, tmp_path: Path) -> None:
    items = "".join(f"<item><link>https://youtu.be/aaaaaaaaaa{n}</link></item>" for n in range(5))
    feed = (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'
    )
    host.routes["/feed"] = Reply(feed.encode(), content_type="application/rss+xml")
    wanted = Wanted((), options={"playlistend": 3})
    found = program().videos(f"{host.url}/feed", wanted, tmp_path)
    assert found == [f"https://youtu.be/aaaaaaaaaa{n}" for n in range(3)]


def test_a_host_that_is_silent_is_given_up(host: Site, tmp_path: Path) -> None:
    release = threading.Event()

    def silent(_asked: Asked) -> Reply:
        release.wait(60)
        return Reply()

    host.routes["/silent"] = silent
    try:
        with pytest.raises(Failure, match="no answer in time") as failure:
            program(step_s=4).captions(Video(f"{host.url}/silent"), ENGLISH, tmp_path)
    finally:
        release.set()
    assert failure.value.kind == "later"
    assert not [child for child in psutil.Process().children() if "ytdlp" in str(child.cmdline())]


def test_it_ends_with_whoever_asked(host: Site, tmp_path: Path) -> None:
    release = threading.Event()
    host.routes["/silent"] = lambda asked: (release.wait(60), Reply())[1]
    code = (
        "import json, sys; from pathlib import Path;"
        "from tests.data_jobs.video.test_ytdlp import ENGLISH, program;"
        "from data_jobs.video.base import Video;"
        "program().captions(Video(sys.argv[1]), ENGLISH, Path(sys.argv[2]))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, f"{host.url}/silent", str(tmp_path)],
        cwd=Path(__file__).parents[3],
    )
    try:
        while not host.asked:
            time.sleep(0.05)
        [child] = psutil.Process(parent.pid).children()
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert child.wait(30) is not None or not child.is_running()
    finally:
        release.set()
        parent.kill()


def test_info_is_kept_beside_the_download(host: Site, tmp_path: Path) -> None:
    program().captions(Video(f"{host.url}/captioned"), ENGLISH, tmp_path)
    assert json.loads((tmp_path / "info.json").read_bytes())["webpage_url"].endswith("/captioned")
