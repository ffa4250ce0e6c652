"""What stands under `/eval`: the evaluations of this home, and the gates of personas."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI

from cluster.gate_metrics import GateMetrics
from cluster.gateway_system import GatewaySystem
from cluster.sample_collection import sample_library
from cluster.sign_in import sign_in_routes, signed_in_site
from eval.collections import named_collection
from eval.dashboard.routes import dashboard_router
from eval.datasets.base import Dataset
from eval.gates.gate import PersonaGate
from eval.gates.opening import open_gate
from eval.gates.routes import persona_routes
from eval.gates.settings import PersonaSettings
from eval.parts import EvaluateParts
from eval.systems.base import SearchSystem
from serve_apps.services import Services


def evaluation_routes(services: Services) -> Sequence[APIRouter]:
    """Return all routes under `/eval`; gates ask the search of `services` itself."""
    home = services.settings.home
    given = services.settings
    settings = PersonaSettings(home=home, state=given.state, supabase=given.supabase)
    loops: list[asyncio.AbstractEventLoop] = []

    def system() -> SearchSystem:
        return GatewaySystem(services, loops[-1])

    watch, roots = GateMetrics(services.metrics), settings.personas.roots
    gate = open_gate(settings, system, _collection, roots=roots, watch=watch)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loops.append(asyncio.get_running_loop())
        try:
            yield
        finally:
            await gate.close()

    return (*routers_of(home, gate), APIRouter(lifespan=lifespan))


def routers_of(home: Path, gate: PersonaGate) -> Sequence[APIRouter]:
    """Return the routers under `/eval`; another part of it is one more here."""
    dashboard = dashboard_router(home / "evaluations", signed_in_site)
    return (dashboard, sign_in_routes(), persona_routes(gate))


def _collection(path: str) -> Dataset:
    return named_collection(path, EvaluateParts(sample_library))
