"""The chain over loopback: who is asked, in which order, and what comes of failures."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from data_jobs.errors import SourceError, VideoGoneError
from data_jobs.parse.registry import parse_file
from data_jobs.video.base import Transcript, Video, Wanted
from data_jobs.video.chain import Chain, Log
from data_jobs.video.providers import chain_of
from data_jobs.video.settings import VideoSettings
from retrieval.fetching.settings import FetchSettings
from tests.data_jobs.video.site import (
    LINES,
    VIDEO,
    Asked,
    Reply,
    Site,
    as_json,
    json3,
    player,
    site,
    vtt,
    watch_page,
)

MakeChain = Callable[..., Chain]
WATCH = Video(f"https://www.youtube.com/watch?v={VIDEO}", VIDEO)
FETCH = FetchSettings(private_hosts=["127.0.0.1"])
COMPANION = "/companion/youtubei/v1/player"
INVIDIOUS = f"/api/v1/videos/{VIDEO}"
THROTTLED = Reply(b"slow down", 429, "text/plain")


@pytest.fixture
def host() -> Iterator[Site]:
    with site() as served:
        yield served


@pytest.fixture
def chain(host: Site) -> Iterator[MakeChain]:
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(made(host, **more))


def made(host: Site, **more: object) -> Chain:
    settings = {
        "youtube_url": host.url,
        "companion_url": host.url,
        "companion_key": "secret",
        "invidious_url": host.url,
        "steps": ["offline", "captions", "companion", "invidious", "audio"],
        "pause_s": 0,
        "retry_s": 0,
        "attempts": 2,
        **more,
    }
    return chain_of(VideoSettings.model_validate(settings), FETCH, lambda: False)


def ask(links: Chain, folder: Path, *languages: str) -> tuple[Transcript, Log]:
    log = Log()
    found = links.transcript(WATCH, Wanted(languages or ("en",)), folder, log)
    return found, log


def results(log: Log) -> list[tuple[str, str]]:
    return [
        (str(each["step"]), str(each["result"])) for each in log.steps if isinstance(each, dict)
    ]


def test_captions_of_the_platform_come_first(host: Site, chain: MakeChain, tmp_path: Path) -> None:
    track = f"/api/timedtext?v={VIDEO}&lang=en"
    host.routes["/watch"] = watch_page(
        player(("de", "", "/x"), ("en", "asr", "/y"), ("en", "", track))
    )
    host.routes["/api/timedtext"] = Reply(json3())
    found, log = ask(chain(), tmp_path)
    assert (found.kind, found.language, results(log)) == (
        "captions",
        "en",
        [("captions captions", "found")],
    )
    assert host.paths() == ["/watch", "/api/timedtext"]
    assert host.asked[1].query["fmt"] == ["json3"]
    facts = found.facts
    assert (facts.title, facts.channel, facts.duration) == ("Recording a harp", "Slack Water", 15)
    assert facts.chapters[1] == (5, "The hall")
    media_type, document = parse_file(found.path)
    assert media_type == "application/x-youtube-json3"
    assert tuple(block.text for block in document.blocks) == LINES
    assert [block.t_start for block in document.blocks] == [0, 5, 10]


def test_a_po_token_goes_with_the_request(host: Site, chain: MakeChain, tmp_path: Path) -> None:
    host.routes["/watch"] = watch_page(player(("en", "asr", "/api/timedtext?lang=en")))

    def guarded(asked: Asked) -> Reply:
        return Reply(json3() if asked.query.get("pot") == ["abc="] else b"")

    host.routes["/api/timedtext"] = guarded
    found, _log = ask(chain(po_token="web.subs+abc="), tmp_path)
    assert found.kind == "automatic captions"
    with pytest.raises(SourceError, match="a PO token is wanted"):
        ask(chain(steps=["captions"]), tmp_path)


def test_each_step_is_tried_after_the_one_before_fails(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    host.routes["/watch"] = THROTTLED
    host.routes[COMPANION] = Reply(b"<html>", 502, "text/html")
    captions = [
        {"label": "English", "languageCode": "en", "url": "/api/v1/captions/x?label=English"}
    ]
    host.routes[INVIDIOUS] = as_json({"title": "Harp", "author": "Slack", "captions": captions})
    host.routes["/api/v1/captions/x"] = Reply(vtt(), content_type="text/vtt")
    found, log = ask(chain(), tmp_path)
    assert results(log) == [
        ("captions captions", "later"),
        ("companion captions", "later"),
        ("invidious captions", "found"),
    ]
    assert host.paths().count("/watch") == host.paths().count(COMPANION) == 2
    assert (found.facts.title, found.path.suffix) == ("Harp", ".vtt")
    assert all("seconds" in each for each in log.steps if isinstance(each, dict))
    reasons = [each["reason"] for each in log.steps if isinstance(each, dict) and "reason" in each]
    assert reasons == ["status 429", "status 502"]


def test_the_companion_is_asked_with_its_key(host: Site, chain: MakeChain, tmp_path: Path) -> None:
    host.routes[COMPANION] = as_json(player(("en", "", "/api/timedtext?lang=en")))
    host.routes["/api/timedtext"] = Reply(json3())
    found, log = ask(chain(), tmp_path)
    assert results(log)[-1] == ("companion captions", "found")
    asked = next(each for each in host.asked if each.path == COMPANION)
    assert asked.headers["authorization"] == "Bearer secret"
    assert json.loads(asked.body) == {"videoId": VIDEO}
    assert found.facts.channel_url.endswith("/UCslackwater")


@pytest.mark.parametrize(
    "reason",
    ["This video is private", "This video has been removed by the uploader", "copyright claim"],
)
def test_a_video_that_is_gone_ends_the_chain(
    host: Site, chain: MakeChain, tmp_path: Path, reason: str
) -> None:
    gone = {"playabilityStatus": {"status": "ERROR", "reason": reason}}
    host.routes["/watch"] = watch_page(gone)
    with pytest.raises(VideoGoneError, match="is gone"):
        ask(chain(), tmp_path)
    assert host.paths() == ["/watch"]


def test_invidious_may_tell_that_a_video_is_gone(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    host.routes[INVIDIOUS] = as_json({"error": "This video is private"}, 500)
    with pytest.raises(VideoGoneError, match="private"):
        ask(chain(steps=["invidious"]), tmp_path)


def test_a_wall_against_robots_is_no_end(host: Site, chain: MakeChain, tmp_path: Path) -> None:
    status = {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you're not a bot"}
    host.routes["/watch"] = watch_page({"playabilityStatus": status})
    host.routes[COMPANION] = as_json(player(("en", "", "/api/timedtext?lang=en")))
    host.routes["/api/timedtext"] = Reply(json3())
    _found, log = ask(chain(), tmp_path)
    assert results(log) == [("captions captions", "later"), ("companion captions", "found")]


def test_without_captions_the_sound_is_downloaded_once(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    formats = [
        {"itag": 139, "mimeType": "audio/mp4", "bitrate": 48_000, "url": "/media/low"},
        {"itag": 140, "mimeType": "audio/mp4", "bitrate": 128_000, "url": "/media/high"},
        {"itag": 137, "mimeType": "video/mp4", "bitrate": 4_000_000, "url": "/media/picture"},
    ]
    host.routes["/watch"] = watch_page(player())
    host.routes[COMPANION] = as_json(player(streamingData={"adaptiveFormats": formats}))
    host.routes[INVIDIOUS] = as_json({"title": "Harp", "captions": []})
    host.routes["/media/high"] = Reply(b"sound" * 1_000, content_type="audio/mp4")
    found, log = ask(chain(), tmp_path)
    assert (found.kind, found.path.read_bytes()) == ("sound", b"sound" * 1_000)
    assert host.paths().count("/media/high") == 1
    assert results(log) == [
        ("captions captions", "absent"),
        ("companion captions", "absent"),
        ("invidious captions", "absent"),
        ("captions sound", "absent"),
        ("companion sound", "found"),
    ]


def test_formats_without_an_address_and_cut_downloads_are_passed(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    sabr = {
        "serverAbrStreamingUrl": "/sabr",
        "adaptiveFormats": [{"itag": 140, "mimeType": "audio/mp4"}],
    }
    host.routes[COMPANION] = as_json(player(streamingData=sabr))
    streams = [{"itag": "140", "type": "audio/mp4", "bitrate": "128000", "url": "https://x/y"}]
    host.routes[INVIDIOUS] = as_json({"title": "Harp", "adaptiveFormats": streams})
    replies = [Reply(b"sound" * 1_000, cut=2_000), Reply(b"sound" * 1_000)]
    host.routes["/latest_version"] = lambda asked: replies.pop(0)
    found, log = ask(chain(steps=["audio"]), tmp_path)
    assert found.path.stat().st_size == 5_000
    assert results(log)[-2:] == [("companion sound", "absent"), ("invidious sound", "found")]
    assert "SABR" in str(log.steps[-2])
    last = host.asked[-1]
    assert (last.query["itag"], last.query["local"]) == (["140"], ["true"])


def test_a_step_that_keeps_failing_is_left_out(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    host.routes["/watch"] = THROTTLED
    links = chain(steps=["captions"], breaker_failures=2, breaker_s=600, attempts=1)
    for _ in range(2):
        with pytest.raises(SourceError, match="status 429"):
            ask(links, tmp_path)
    with pytest.raises(SourceError, match="several times in a row"):
        ask(links, tmp_path)
    assert len(host.asked) == 2


def test_transcripts_of_a_folder_need_no_network(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    folder, out = tmp_path / "offline", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / f"{VIDEO}.de.vtt").write_bytes(vtt(("Wir stimmen die Harfe.",)))
    (folder / f"{VIDEO}.en.json3").write_bytes(json3())
    info = {"title": "Harp", "channel": "Slack", "chapters": [{"start_time": 5, "title": "Hall"}]}
    (folder / f"{VIDEO}.info.json").write_text(json.dumps(info))
    links = chain(offline_folder=str(folder))
    english, _ = ask(links, out)
    german, _ = ask(links, out, "de")
    assert (english.path.suffix, english.language) == (".json3", "en")
    assert (german.path.suffix, german.language) == (".vtt", "de")
    assert (english.facts.title, english.facts.chapters) == ("Harp", ((5.0, "Hall"),))
    assert host.asked == []


def test_addresses_of_our_own_network_are_never_asked(
    host: Site, chain: MakeChain, tmp_path: Path
) -> None:
    host.routes["/watch"] = watch_page(player(("en", "", "http://10.0.0.7/api/timedtext")))
    with pytest.raises(SourceError, match="not a public address"):
        ask(chain(steps=["captions"]), tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        b"<html>consent</html>",
        b'ytInitialPlayerResponse = {"a": ',
        b'ytInitialPlayerResponse = {"captions": {"playerCaptionsTracklistRenderer": 7}}',
        b'ytInitialPlayerResponse = {"videoDetails": []};',
    ],
)
def test_pages_that_are_nonsense_cost_one_step(
    host: Site, chain: MakeChain, tmp_path: Path, page: bytes
) -> None:
    host.routes["/watch"] = Reply(page, content_type="text/html")
    with pytest.raises(SourceError, match="no step found a transcript"):
        ask(chain(steps=["captions"]), tmp_path)
