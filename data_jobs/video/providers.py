"""Who is asked for transcripts, as the settings say."""

from collections.abc import Callable
from importlib.util import find_spec

from data_jobs.video.base import Provider
from data_jobs.video.chain import Chain
from data_jobs.video.invidious import Companion, Invidious
from data_jobs.video.offline import OfflineFolder
from data_jobs.video.requests import Requests
from data_jobs.video.settings import VideoSettings
from data_jobs.video.youtube import YoutubeCaptions
from data_jobs.video.ytdlp import YtDlp
from data_jobs.web.turns import Turns
from retrieval.fetching.settings import FetchSettings

INSTALL = "pip install 'pmoves-mesh[youtube]'"


def has_yt_dlp() -> bool:
    """Say whether yt-dlp is installed."""
    return find_spec("yt_dlp") is not None


def chain_of(settings: VideoSettings, fetch: FetchSettings, stopping: Callable[[], bool]) -> Chain:
    """Return the chain of all that is set up."""
    from retrieval.fetching.client import GuardedClient

    turns = Turns(stopping)
    client = GuardedClient(fetch)
    requests = Requests(client, settings, turns)
    providers: dict[str, Provider] = {}
    if settings.offline_folder is not None:
        providers["offline"] = OfflineFolder(settings.offline_folder)
    token = settings.po_token.get_secret_value()
    providers["captions"] = YoutubeCaptions(requests, settings.youtube_url, token)
    if has_yt_dlp():
        providers["yt-dlp"] = YtDlp(settings, fetch, stopping)
    if settings.companion_url:
        key = settings.companion_key.get_secret_value()
        providers["companion"] = Companion(requests, settings.companion_url, key)
    if settings.invidious_url:
        providers["invidious"] = Invidious(requests, settings.invidious_url)
    return Chain(providers, settings, stopping, turns, client.close)
