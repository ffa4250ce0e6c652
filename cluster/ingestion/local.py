"""Ingestion on this machine: small jobs here, others by the Ray of the mesh or one of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from cluster.access.choose import running_mesh
from cluster.mesh.environment import ONE_NODE, client_environment
from cluster.settings import Settings
from retrieval.jobs import JobRequest

if TYPE_CHECKING:
    from data_jobs.progress import Summary


def ingest_here(settings: Settings, request: JobRequest, console: Console) -> "Summary":
    """Run `request` to its end, telling `console` about it.

    Raises a `PmovesError` when the job itself fails; documents never make it fail.
    """
    from data_jobs.small import is_small

    if not is_small(request, settings.ingest, settings.s3):
        return ingest_on_ray(settings, request, console)
    from data_jobs.in_process import InProcess
    from data_jobs.ingest import run_ingest
    from data_jobs.reporting import reporter

    with reporter(console) as report:
        return run_ingest(request, settings, report, start=InProcess)


def ingest_on_ray(settings: Settings, request: JobRequest, console: Console) -> "Summary":
    """Do as `ingest_here`, with workers of Ray's, however small the job is."""
    state = running_mesh(settings)
    variables = client_environment(state) if state else ONE_NODE
    # Ray reads its environment when it is imported.
    with _environment(variables):
        from data_jobs.ingest import run_ingest
        from data_jobs.reporting import reporter
        from data_jobs.session import ray_session

        with reporter(console) as report:
            report.doing("joining the mesh" if state else "starting Ray")
            with ray_session():
                return run_ingest(request, settings, report)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
