"""Work between requests, in the gateway."""

import asyncio

import httpx
import pytest

from retrieval.corpus.locking import sole_keeper
from serve_apps.api import create_app
from serve_apps.background import keep_up
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.serve_apps.support import BASE_URL, client_of, item, upsert


def files(services: Services) -> int:
    return len(services.corpus.dataset().get_fragments())


def rounds(services: Services, outcome: str) -> str:
    text = services.metrics.expose().decode().splitlines()
    name = f'pmoves_upkeep_runs_total{{outcome="{outcome}"}}'
    return next((line.removeprefix(name).strip() for line in text if line.startswith(name)), "0")


@pytest.fixture
def hurried(settings: AppArgs) -> None:
    """Rounds of upkeep every second."""
    settings.serve.upkeep_s = 1


@pytest.mark.usefixtures("hurried")
async def test_the_gateway_keeps_the_corpus_in_order_by_itself(services: Services) -> None:
    await _store_separately(services, 4)
    async with client_of(create_app(services)):
        async with asyncio.timeout(60):
            while files(services) > 1:
                await asyncio.sleep(0.1)
        assert services.corpus.dataset().count_rows() == 4


async def test_what_another_process_does_is_left_to_it(services: Services) -> None:
    await _store_separately(services, 4)
    with sole_keeper(services.corpus.chunks_uri) as ours:
        assert ours
        await keep_up(services)
    assert files(services) == 4
    assert float(rounds(services, "elsewhere")) >= 1
    await keep_up(services)
    assert files(services) == 1


async def _store_separately(services: Services, count: int) -> None:
    # Without the background: a round of it between two of them would join what is there.
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        for at in range(count):
            await upsert(client, item(f"d{at}-1", f"passage {at} about tea"))
