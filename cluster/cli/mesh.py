"""`pmoves up`, `down`, `status` and `env`."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson, Url, settings, usable
from cluster.cli.output import err, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cluster.mesh.bringup import Answering
    from cluster.mesh.state import MeshState
    from cluster.mesh.status import MeshStatus
    from cluster.settings import Settings

Detach = Annotated[
    bool, typer.Option("--detach", "-d", help="Return once the mesh is ready; it runs on.")
]


Address = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Join this Ray instead of starting one: the URL of its dashboard, or HOST:6379.",
    ),
]


def up(address: Address = "", detach: Detach = False, as_json: AsJson = False) -> None:
    """Bring up local Ray and the applications; Ctrl-C stops them, unless detached."""
    from cluster.config_report import given_values, read_settings
    from cluster.mesh.lifecycle import ensure_up, interruptible

    report = read_settings()
    loaded = usable(report)
    given = given_values(report, loaded)
    with interruptible():
        if address:
            _join(loaded, given, address, detach, as_json)
            return
        state, started = ensure_up(loaded, given, err())
        if as_json:
            print_json(_summary(state, started))
        else:
            _tell(state, loaded, started)
        if started and not detach:
            _stay(loaded, state)


def _join(
    loaded: "Settings", given: "Mapping[str, str]", address: str, detach: bool, as_json: bool
) -> None:
    from cluster.mesh.lifecycle import ensure_down, ensure_joined, hold_joined

    joined = ensure_joined(loaded, given, address, err())
    if as_json:
        print_json({"started": True, **joined.model_dump(mode="json")})
    else:
        place = ("dashboard", f"{joined.dashboard_url}  (a Ray that was there before)")
        _print_lines(
            [("mesh", "ready"), *_addresses(joined), place, *_parts(loaded), *_doors(loaded)]
        )
    if detach:
        return
    try:
        hold_joined(loaded)
    except KeyboardInterrupt:
        err().print("stopping …")
    finally:
        ensure_down(loaded)


def down(as_json: AsJson = False) -> None:
    """Stop the mesh of this home: exactly what `up` started, also after a crash."""
    from cluster.mesh.joined import read_joined
    from cluster.mesh.lifecycle import ensure_down

    loaded = settings()
    joined = read_joined(loaded.run_dir)
    ended = ensure_down(loaded)
    if as_json:
        left = joined and joined.dashboard_url
        print_json({"ended": ended.total, "killed": ended.killed, "left": left})
        return
    if joined:
        say(f"took the applications from the Ray at {joined.dashboard_url}, which runs on")
    if ended.total:
        say(f"ended {ended.total} processes, {ended.killed} of them by force")
    elif not joined:
        say("nothing was running")


def status(as_json: AsJson = False, url: Url = None) -> None:
    """Show nodes, deployments, the index and jobs of a running mesh; exit 1 if none is ready."""
    from cluster.access.choose import running_mesh
    from cluster.access.http import HttpAccess
    from cluster.errors import MeshError
    from cluster.mesh.joined import read_joined
    from cluster.mesh.status import mesh_status

    loaded = settings()
    address = url or loaded.url
    state = None if address else read_joined(loaded.run_dir) or running_mesh(loaded)
    if not address and state is None:
        raise MeshError(f"no mesh runs for {loaded.home.absolute()}; `pmoves up` starts one.")
    access = HttpAccess(address or (state.url if state else ""), loaded.api_key.get_secret_value())
    found = mesh_status(access, state)
    access.close()
    if as_json:
        print_json(found)
    else:
        _print_status(found)
    if not found.ready:
        raise typer.Exit(FAILURE)


def env(as_json: AsJson = False) -> None:
    """Print what a Ray client needs: eval "$(pmoves env)", then `ray job submit` and the like."""
    from cluster.access.choose import running_mesh
    from cluster.errors import MeshError
    from cluster.mesh.environment import client_environment
    from cluster.mesh.joined import read_joined

    loaded = settings()
    joined, state = read_joined(loaded.run_dir), running_mesh(loaded)
    if joined:
        variables = {"RAY_API_SERVER_ADDRESS": joined.dashboard_url}
    elif state:
        variables = client_environment(state)
    else:
        raise MeshError(f"no mesh runs for {loaded.home.absolute()}; `pmoves up` starts one.")
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        say(f"export {name}={shlex.quote(value)}")


def _stay(loaded: "Settings", state: "MeshState") -> None:
    from cluster.mesh.lifecycle import ensure_down, hold

    try:
        hold(loaded, state)
    except KeyboardInterrupt:
        err().print("stopping …")
    finally:
        ended = ensure_down(loaded)
        say(f"ended {ended.total} processes, {ended.killed} of them by force")


def _summary(state: "MeshState", started: bool) -> dict[str, object]:
    return {
        "started": started,
        "mesh_id": state.mesh_id,
        "url": state.url,
        "dashboard_url": state.dashboard_url,
        "ray_address": state.ray_address,
        "auth_mode": state.auth_mode,
        "token_path": state.token_path,
        "home": state.home,
        "logs": f"{state.home}/logs",
    }


def _tell(state: "MeshState", loaded: "Settings", started: bool) -> None:
    token = f"token in {state.token_path}" if state.token_path else "off: every local user may"
    reachable = f"at {state.outside}" if state.outside else "from this machine only"
    _print_lines(
        [
            ("mesh", "ready" if started else "runs already"),
            *_addresses(state),
            ("dashboard", f"{state.dashboard_url}  ({token})"),
            ("logs", f"{state.home}/logs"),
            *_parts(loaded),
            ("reachable", reachable),
            *_doors(loaded),
        ]
    )


def _print_lines(lines: "Iterable[tuple[str, str]]") -> None:
    for name, value in lines:
        say(f"{name + ':':<11}{value}")


def _addresses(place: "Answering") -> list[tuple[str, str]]:
    return [
        ("search", f"{place.url}  (API: {place.url}/docs)"),
        ("eval", f"{place.url}/eval"),
        ("home", place.home),
    ]


def _parts(loaded: "Settings") -> list[tuple[str, str]]:
    return [
        ("dense", f"on, model {loaded.embedding.model}"),
        ("lexical", ", ".join(["on", *loaded.text_engines])),
        ("rerank", f"on, model {loaded.rerank.model}" if loaded.rerank.enabled else "off"),
        ("graph", "on, Neo4j" if loaded.uses_neo4j else "on, where entities are known"),
    ]


def _doors(loaded: "Settings") -> list[tuple[str, str]]:
    keys = "required" if _has_keys(loaded) else "none: everybody on this machine may ask"
    return [("keys", keys)]


def _has_keys(loaded: "Settings") -> bool:
    from retrieval.state.keys import KeyStore

    store = KeyStore(loaded.state_url)
    try:
        return bool(store.all())
    finally:
        store.close()


def _print_status(found: "MeshStatus") -> None:
    say(f"{found.url}: {'ready' if found.ready else 'not ready'}")
    for part in found.parts:
        say(f"  {part.name}: {'ok' if part.ok else 'FAILED'}, {part.detail}")
    for fault in found.faults:
        say(f"  {fault}")
    if found.nodes:
        say()
        print_table(
            ("NODE", "ADDRESS", "STATE", "TIER", "CPUS", "MEMORY_GIB"),
            [
                (
                    n.node_id[:12],
                    n.address,
                    n.state,
                    n.tier,
                    n.cpus,
                    f"{n.memory_bytes / 2**30:.1f}",
                )
                for n in found.nodes
            ],
        )
    if found.deployments:
        say()
        print_table(
            ("DEPLOYMENT", "STATUS", "REPLICAS", "MESSAGE"),
            [(d.name, d.status, f"{d.running}/{d.wanted}", d.message) for d in found.deployments],
        )
    _print_index(found)


def _print_index(found: "MeshStatus") -> None:
    if found.projections:
        say()
        print_table(
            ("PROJECTION", "VERSION", "LAG"),
            [(n, p.get("version"), p.get("lag_versions")) for n, p in found.projections.items()],
        )
    if found.jobs:
        say()
        print_table(
            ("JOB_ID", "STATE", "DONE", "TOTAL"),
            [(j.job_id, j.state, j.done, j.total) for j in found.jobs],
        )
