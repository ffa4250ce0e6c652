"""What stands under `/eval`: the evaluations of this home."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from eval.dashboard.routes import dashboard_router


def evaluation_routes(home: Path) -> Sequence[APIRouter]:
    """Return all routes under `/eval`; another part of it is one more router here."""
    return (dashboard_router(home / "evaluations"),)
