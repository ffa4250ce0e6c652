"""Settings of the guarded client."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from retrieval.fetching.addresses import private_entry
from retrieval.setting_group import Group

MIB = 2**20
_Port = Annotated[int, Field(ge=1, le=65_535)]
_Line = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]+$", max_length=512)]


class FetchSettings(Group):
    """URLs that the mesh fetches or calls: sources on the web, feeds, webhooks."""

    private_hosts: list[Annotated[str, AfterValidator(private_entry)]] = Field(
        [],
        description="Host names, addresses and networks of your own that may be fetched although "
        'they are not public, such as ["wiki.lan", "10.0.0.0/8"].',
    )
    ports: list[_Port] = Field(
        [80, 443, 8080, 8443], description="Ports that may be used on public hosts."
    )
    user_agent: _Line = Field(
        "pmoves-mesh/0.1",
        description="How the mesh names itself; robots.txt goes by what is before the slash.",
    )
    max_bytes: int = Field(
        512 * MIB, ge=1, le=2**40, description="Most bytes of one answer, sent and unpacked."
    )
    timeout_s: float = Field(
        300.0, ge=0.1, le=86_400, description="Seconds for one URL, redirects included."
    )
    silence_s: float = Field(
        30.0, ge=0.1, le=3_600, description="Seconds without a byte after which a host is given up."
    )
    redirects: int = Field(5, ge=0, le=20, description="Redirects that are followed at most.")
    ca_file: Path | None = Field(
        None, description="PEM file of certificate authorities that are trusted beside the public."
    )
