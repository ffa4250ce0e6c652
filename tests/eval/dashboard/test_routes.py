"""The pages and the interface under `/eval`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from eval.dashboard.routes import dashboard_router
from eval.dashboard.views import GateView, RunDetail, RunList, Trend
from eval.pages.templates import content_policy
from eval.report import write_files
from retrieval.errors import InvalidInputError
from tests.eval.pages.material import HOSTILE, collection, report_for, run_of
from tests.eval.pages.reading import data_in, parsed, text_of

HARBOUR = collection()
NAMES = ["20261101T090000Z/harbour", "20261102T090000Z/harbour", "20261103T090000Z/harbour"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs over one collection, the last of them worse and below its threshold."""
    for day, (name, worse) in enumerate(zip(NAMES, (0, 0, 20), strict=True), start=1):
        run = run_of(HARBOUR, worse=worse, label=f"run {day}")
        run.provenance.created_at = datetime(2026, 11, day, 9, tzinfo=UTC)
        run.save(tmp_path / name)
        write_files(report_for(run, HARBOUR, floor=0.95), {}, tmp_path / name)
    return tmp_path


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the routes alone."""
    app = FastAPI()
    app.include_router(dashboard_router(folder))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def page(client: httpx.AsyncClient, url: str) -> str:
    """Return a page, which must be there."""
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


async def test_the_list_shows_runs_gates_and_faults(
    client: httpx.AsyncClient, folder: Path
) -> None:
    (folder / "20261104T090000Z" / "lost").mkdir(parents=True)
    (folder / "20261104T090000Z" / "lost" / "run.json").write_text("{")
    found = parsed(await page(client, "/eval"))
    (gate,) = found.xpath("//section[h2='Gates']//tbody/tr")
    assert "FAILED 2026-11-03 09:00 run 3 0 of 1 hold" in text_of(gate)
    rows = found.xpath("//section[h2='Runs']//tbody/tr")
    assert [row.xpath("./th/a/@href")[0] for row in rows] == [
        f"/eval/runs/{name}" for name in reversed(NAMES)
    ]
    (fault,) = found.xpath("//section[h2='Runs that cannot be read']//li")
    assert text_of(fault).startswith("20261104T090000Z/lost: run.json is not whole")


async def test_the_list_can_be_narrowed(client: httpx.AsyncClient, folder: Path) -> None:
    other = collection("other")
    run = run_of(other)
    run.save(folder / "20261105T090000Z" / "other")
    write_files(report_for(run, other), {}, folder / "20261105T090000Z" / "other")
    found = parsed(await page(client, "/eval?dataset=other"))
    assert len(found.xpath("//section[h2='Runs']//tbody/tr")) == 1
    assert found.xpath("//select/option[@selected]")[0].text == "other"


async def test_a_run_is_shown_with_its_queries(client: httpx.AsyncClient) -> None:
    shown = await page(client, f"/eval/runs/{NAMES[2]}")
    assert len(data_in(shown)["queries"]) == 60
    assert parsed(shown).xpath("//nav[@aria-label='Pages']/a/@href") == ["/eval", "/eval/trends"]


async def test_any_two_are_compared(client: httpx.AsyncClient) -> None:
    both = {"first": NAMES[0], "second": NAMES[2]}
    answer = await client.get("/eval/api/compare", params=both)
    verdicts = {found["verdict"] for found in answer.json()["differences"]}
    assert verdicts == {"worse"}
    shown = await client.get("/eval/compare", params=both)
    assert "worse" in text_of(parsed(shown.text))


async def test_a_trend_has_every_run_in_its_order(client: httpx.AsyncClient) -> None:
    answer = await client.get("/eval/api/trends", params={"metric": "MRR"})
    (trend,) = [Trend.model_validate(entry) for entry in answer.json()]
    assert [point.run for point in trend.points] == NAMES
    assert [point.value.mean > 0.9 for point in trend.points] == [True, True, False]
    found = parsed(await page(client, "/eval/trends?metric=MRR"))
    assert len(found.xpath("//svg//line[@class='dot']")) == 3
    assert found.xpath("//tbody/tr[1]//a/@href")[1] == (
        f"/eval/compare?first={NAMES[1]}&second={NAMES[2]}"
    )
    assert "No run has MRR in mode dense" in await page(
        client, "/eval/trends?metric=MRR&mode=dense"
    )


async def test_a_collection_that_changed_begins_anew(
    client: httpx.AsyncClient, folder: Path
) -> None:
    changed = collection(spice="!")
    run = run_of(changed)
    run.save(folder / "20261105T090000Z" / "harbour")
    write_files(report_for(run, changed), {}, folder / "20261105T090000Z" / "harbour")
    answer = await client.get("/eval/api/trends", params={"metric": "MRR"})
    assert sorted(len(entry["points"]) for entry in answer.json()) == [1, 3]


async def test_programs_get_the_same(client: httpx.AsyncClient) -> None:
    runs = RunList.model_validate((await client.get("/eval/api/runs")).json())
    assert [view.run for view in runs.runs] == list(reversed(NAMES))
    assert [view.passed for view in runs.runs] == [False, True, True]
    (gate,) = [
        GateView.model_validate(each) for each in (await client.get("/eval/api/gates")).json()
    ]
    assert (gate.run, gate.passed) == (NAMES[2], False)
    detail = RunDetail.model_validate((await client.get(f"/eval/api/runs/{NAMES[0]}")).json())
    assert detail.report.label == detail.provenance.label == "run 1"


async def test_unknown_runs_are_not_found(client: httpx.AsyncClient) -> None:
    for url in ("/eval/runs/a/b", "/eval/api/runs/a/b", "/eval/compare?first=a/b&second=a/b"):
        assert (await client.get(url)).status_code == 404


async def test_runs_over_different_collections_are_refused(
    client: httpx.AsyncClient, folder: Path
) -> None:
    other = collection("other", spice="!")
    run = run_of(other)
    run.save(folder / "now" / "other")
    write_files(report_for(run, other), {}, folder / "now" / "other")
    with pytest.raises(InvalidInputError, match="evaluate both anew over one collection"):
        await client.get(f"/eval/compare?first={NAMES[0]}&second=now/other")


async def test_hostile_names_stay_text(client: httpx.AsyncClient, folder: Path) -> None:
    hostile = collection("<script>window.hacked=1<!--", spice=HOSTILE)
    run = run_of(hostile, label=HOSTILE)
    run.save(folder / "<img src=x>" / "a&b ?#")
    write_files(report_for(run, hostile), {}, folder / "<img src=x>" / "a&b ?#")
    for url in ("/eval", "/eval/trends"):
        shown = await page(client, url)
        assert "<script" not in shown
        assert "<img" not in shown
    (link,) = [
        link
        for link in parsed(await page(client, "/eval")).xpath("//tbody/tr/th/a/@href")
        if "img" in link
    ]
    assert HOSTILE in text_of(parsed(await page(client, link)).xpath("//h1")[0])


async def test_pages_are_kept_from_doing_harm(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/eval")).headers
    assert headers["content-security-policy"] == f"{content_policy()}; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"


async def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(dashboard_router(tmp_path / "missing"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert "pmoves evaluate library" in await page(client, "/eval")
        assert "No run has a metric" in await page(client, "/eval/trends")
        assert (await client.get("/eval/api/gates")).json() == []
