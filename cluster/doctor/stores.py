"""The settings, the corpus, the state database, and the running mesh."""

from collections.abc import Iterator

import httpx

from cluster.access.choose import running_mesh
from cluster.access.http import HttpAccess
from cluster.config_report import Report
from cluster.doctor.finding import Finding, fail, ok, warn
from cluster.errors import ClientError, MeshError
from cluster.mesh.head_tables import redis_fault, redis_release
from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import MeshState, read_state
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import table_exists, table_uri
from retrieval.embedding.model import embedding_identity
from retrieval.errors import EmbeddingIdentityError, PmovesError
from retrieval.jobs import JobStore

_RESTART = "Run `pmoves down`, then `pmoves up`; the logs in <home>/logs say why."


def check_settings(report: Report) -> Iterator[Finding]:
    """Check the names and values that were given."""
    for fault in report.all_faults:
        level = fail if fault in report.faults else warn
        yield level("settings", str(fault), "Correct it; `pmoves config check` lists all.")
    if not report.all_faults:
        yield ok("settings", "all values and names are right")


def check_stores(settings: Settings) -> Iterator[Finding]:
    """Check what lies in the home, and the mesh that uses it."""
    yield _corpus(settings)
    yield _state(settings)
    if settings.ray.redis_address:
        yield _head_tables(settings)
    yield from _mesh(settings)


def _corpus(settings: Settings) -> Finding:
    uri = settings.corpus_uri
    try:
        if "://" in uri and not table_exists(table_uri(uri, "meta")):
            return ok("corpus", f"none yet at {uri}")
        corpus = Corpus.open_existing(uri)
        corpus.identity.require(embedding_identity(settings.embedding), uri)
        counts = corpus.namespaces().values()
    except EmbeddingIdentityError as error:
        return fail("corpus", str(error), "Set its model, or run `pmoves reembed`.")
    except PmovesError as error:
        if "://" not in uri and not (settings.home / "corpus").exists():
            return ok("corpus", f"none yet at {uri}")
        advice = "Restore it from a backup, or ingest into a new home."
        if "://" in uri:
            advice = "Check PMOVES_S3__ENDPOINT and its neighbours."
        return fail("corpus", str(error), advice)
    documents, chunks = sum(c.documents for c in counts), sum(c.chunks for c in counts)
    return ok(
        "corpus", f"version {corpus.version}: {documents} documents, {chunks} chunks at {uri}"
    )


def _state(settings: Settings) -> Finding:
    # Looking must not create anything.
    if not settings.state.url and not (settings.home / "state.db").exists():
        return ok("state", "none yet")
    try:
        store = JobStore(settings.state_url)
        jobs, server = store.list(limit=1).jobs, store.server
        store.close()
    except Exception as error:
        return fail("state", f"{type(error).__name__}: {error}", "Check PMOVES_STATE__URL.")
    newest = f"newest job {jobs[0].job_id}" if jobs else "no jobs"
    return ok("state", f"{server} answers; {newest}")


def _head_tables(settings: Settings) -> Finding:
    where = settings.ray.redis_address
    if fault := redis_fault(settings.ray):
        advice = "Start it, or correct PMOVES_RAY__REDIS_ADDRESS and its neighbours."
        return fail("redis", f"{where} {fault}", advice)
    release = redis_release(settings.ray)
    return ok("redis", f"{release} at {where} keeps the tables of Ray's control service")


def _mesh(settings: Settings) -> Iterator[Finding]:
    try:
        state, running = read_state(settings.run_dir), running_mesh(settings)
    except MeshError as error:
        yield fail("mesh", str(error), _RESTART)
        return
    if running:
        yield _gateway(running)
        yield _listeners(running)
    elif state:
        yield warn("mesh", f"started at {state.started_at:%F %T}, but its head is gone", _RESTART)
    else:
        yield ok("mesh", "none runs for this home")


def _gateway(state: MeshState) -> Finding:
    access = HttpAccess(state.url, timeout_s=10.0)
    try:
        readiness = access.readiness()
    except (ClientError, httpx.HTTPError) as error:
        return fail("mesh", str(error), _RESTART)
    finally:
        access.close()
    broken = [f"{part.name}: {part.detail}" for part in readiness.parts if not part.ok]
    if broken:
        return fail("mesh", "; ".join(broken), _RESTART)
    return ok("mesh", f"{state.url} is ready")


def _listeners(state: MeshState) -> Finding:
    open_ports = beyond_loopback(state)
    if not open_ports:
        return ok("ports", "every port of the mesh listens on loopback")
    shown = ", ".join(open_ports)
    if state.auth_mode == "token":
        return ok("ports", f"beyond loopback, behind Ray's token: {shown}")
    advice = "Set PMOVES_RAY__AUTH_MODE=token: whoever reaches these ports can run code."
    return warn("ports", f"beyond loopback: {shown}", advice)


def beyond_loopback(state: MeshState) -> list[str]:
    """Return `process address:port` of everything that other machines could reach.

    The gateway itself is left out where it is meant for them.
    """
    from pathlib import Path

    import psutil

    found: list[str] = []
    for process in mesh_processes(state.mesh_id, Path(state.temp_dir)):
        try:
            connections = process.net_connections("tcp")
        except psutil.Error:
            continue
        for connection in connections:
            address = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN
            if state.outside and address and address.port == state.http_port:
                continue
            if listens and address.ip.removeprefix("::ffff:") not in ("127.0.0.1", "::1"):
                found.append(f"{process.name()} {address.ip}:{address.port}")
    return found
