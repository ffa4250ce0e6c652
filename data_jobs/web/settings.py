"""Settings of pages on the web."""

from pydantic import Field

from retrieval.settings import Group


class WebSettings(Group):
    """How pages on the web are visited; which may be is for the settings of `fetch`."""

    robots: bool = Field(
        True, description="Whether robots.txt is obeyed; false only for sites of your own."
    )
    rate_per_s: float = Field(
        1.0, gt=0, le=1_000, description="Requests a second to one host; less where it asks so."
    )
    longest_pause_s: float = Field(
        60.0,
        ge=0,
        le=3_600,
        description="Longest pause between requests that a host may ask for; one that asks for "
        "more is left alone.",
    )
    attempts: int = Field(3, ge=1, le=20, description="Tries of a page whose host is in trouble.")
    hosts_at_once: int = Field(8, ge=1, le=256, description="Hosts that are visited side by side.")
    max_urls: int = Field(
        100_000, ge=1, le=10_000_000, description="Most pages that one sitemap or list may name."
    )
    spool: str = Field(
        "",
        description="Folder, shared by all nodes, for pages until they are stored; empty: "
        "<home>/spool.",
    )
