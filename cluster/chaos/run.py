"""Strikes a mesh under constant load, part after part, and keeps the ledger."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from cluster.access.choose import running_mesh
from cluster.chaos.job import job_in_hand
from cluster.chaos.load import Load, LoadPlan
from cluster.chaos.mesh import RunningMesh
from cluster.chaos.parts import PARTS, SAFE, Way
from cluster.chaos.report import ChaosReport, StrikeRow, row_of
from cluster.chaos.strikes import Strike, strike_once, wait_until_whole
from cluster.errors import MeshError
from cluster.mesh.lifecycle import ensure_up
from cluster.mesh.state import read_state
from cluster.settings import Settings

_CALM = 20
_AGAIN_S = 1.0
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """Which parts are struck and how, in which order, for how many rounds."""

    parts: Sequence[str] = SAFE
    ways: Sequence[Way] = ("kill", "fill", "wait")
    rounds: int = 1
    seed: int = 1
    pause_s: float = 10.0
    limit_s: float = 240.0

    def strikes(self) -> list[Strike]:
        """Return every strike; each round is in an order of its own, told by the seed."""
        random, found = Random(self.seed), []
        for _ in range(self.rounds):
            turn = [
                Strike(PARTS[name], way, self.pause_s)
                for name in self.parts
                for way in PARTS[name].ways
                if way in self.ways
            ]
            random.shuffle(turn)
            found += sorted(turn, key=_costs)
        return found


def _costs(strike: Strike) -> tuple[bool, bool]:
    """Return what puts a strike last: the mesh ends with it, or a part is gone for good."""
    gone = strike.way == "kill" and not strike.part.comes_back
    return strike.part.ends_the_mesh, gone


@dataclass
class Chaos:
    """One run over the mesh of `settings`; `tell` hears of each strike."""

    settings: Settings
    given: dict[str, str]
    plan: ChaosPlan
    load: LoadPlan
    tell: Callable[[str], None]

    def mesh(self) -> RunningMesh:
        """Return the mesh as the files of its home describe it now."""
        state = read_state(self.settings.run_dir)
        if state is None:
            raise MeshError(f"no mesh runs for {self.settings.home.absolute()}.")
        return RunningMesh(state)

    async def run(self) -> ChaosReport:
        """Strike, wait, judge; then look for every acknowledged write, and clean up.

        A mesh that does not become whole again ends the strikes, and so does Ctrl-C.
        """
        began, random, load = time.monotonic(), Random(self.plan.seed), Load(self.load)
        rows: list[StrikeRow] = []
        skipped: list[str] = []
        ended = ""
        async with load:
            try:
                await self._strike_all(load, random, rows, skipped)
            except MeshError as error:
                ended = str(error)
            except TimeoutError:
                ended = f"`pmoves up` has not brought it back in {self.plan.limit_s:.0f} s"
            except asyncio.CancelledError:
                ended = "interrupted"
                if task := asyncio.current_task():
                    task.uncancel()
            await load.stop()
            lost = await load.lost_writes()
            seconds = time.monotonic() - began
            await load.clean_up()
        return ChaosReport(
            seed=self.plan.seed,
            searches_per_s=self.load.searches_per_s,
            writes_per_s=self.load.writes_per_s,
            seconds=seconds,
            requests=len(load.ledger.entries),
            held_back=load.ledger.held_back,
            acknowledged_writes=len(load.notes.acknowledged),
            rows=rows,
            wrong_answers=load.ledger.wrong,
            lost_writes=lost,
            skipped=sorted(set(skipped)),
            ended=ended,
        )

    async def _strike_all(
        self, load: Load, random: Random, rows: list[StrikeRow], skipped: list[str]
    ) -> None:
        for strike in self.plan.strikes():
            if await asyncio.to_thread(strike.part.find, self.mesh()):
                rows.append(await self._strike_at_work(load, strike, random))
            else:
                skipped.append(f"{strike.part.name}: skipped, the mesh has none")

    async def _strike_at_work(self, load: Load, strike: Strike, random: Random) -> StrikeRow:
        """Strike a part that has work in hand: the load is that of most, a job the ingestor's."""
        if strike.part.name != "ingestor":
            return await self._strike(load, strike, random)
        async with job_in_hand(self.load) as job:
            row = await self._strike(load, strike, random, calm=False)
            load.ledger.wrong += await job.faults()
        return row

    async def _strike(
        self, load: Load, strike: Strike, random: Random, *, calm: bool = True
    ) -> StrikeRow:
        if calm:
            await load.answered(_CALM)
        replicas = {name: wanted for name, (_, _, wanted) in self.mesh().running().items()}
        self.tell(f"{strike.way}: {strike.part.what}")
        struck = await strike_once(self.mesh(), strike, random)
        whole = await wait_until_whole(
            self.mesh, struck, replicas, self._bring_back, self.plan.limit_s
        )
        await load.answered(_CALM)
        return row_of(struck, load.ledger.since(struck.at), whole)

    async def _bring_back(self) -> None:
        """Call `pmoves up` once the head has ended; again while somebody else is at it."""
        from cluster.cli.output import err

        async with asyncio.timeout(self.plan.limit_s):
            # A head notices a moment later that its control service is gone.
            while await asyncio.to_thread(running_mesh, self.settings):
                await asyncio.sleep(_LOOK_EVERY_S)
            while True:
                try:
                    await asyncio.to_thread(ensure_up, self.settings, self.given, err())
                    return
                except MeshError as error:
                    self.tell(str(error))
                    await asyncio.sleep(_AGAIN_S)
