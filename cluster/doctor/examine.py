"""All checks, in an order that helps reading."""

from collections.abc import Iterator

from cluster.config_report import read_settings
from cluster.doctor.deep import check_projections
from cluster.doctor.finding import Finding
from cluster.doctor.graph import check_graph
from cluster.doctor.lanes import check_lanes
from cluster.doctor.machine import check_machine
from cluster.doctor.object_store import check_creation
from cluster.doctor.recordings import check_recordings
from cluster.doctor.software import check_software
from cluster.doctor.stores import check_settings, check_stores
from cluster.doctor.supabase import check_supabase
from cluster.doctor.text import check_text
from cluster.settings import Settings


def examine(*, deep: bool = False) -> Iterator[Finding]:
    """Yield every finding; with wrong settings only what needs none of them.

    With `deep`, remote engines are compared with the corpus item by item, and the object store
    of the corpus is tried.
    """
    report = read_settings()
    yield from check_settings(report)
    # The checks of software need a model's settings at most.
    settings = report.settings or Settings.model_construct()
    yield from check_software(settings)
    if report.settings:
        yield from check_lanes(settings)
        yield from check_machine(settings)
        yield from check_recordings(settings)
        yield from check_stores(settings)
        named = (check_supabase, check_text, check_graph)
        yield from filter(None, (check(settings) for check in named))
        if deep:
            yield from filter(None, [check_creation(settings)])
            yield from check_projections(settings)
