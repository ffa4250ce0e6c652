"""The mesh of one home on this machine: its processes, and whether it is whole."""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from cluster.errors import MeshError
from cluster.mesh.bringup import APP_NAME
from cluster.mesh.dashboard import Dashboard, Deployment
from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import MeshState

_CALL_S = 10.0


@dataclass(frozen=True)
class RunningMesh:
    """A mesh that was found by the files in its home."""

    state: MeshState

    def processes(self, title: str) -> dict[int, psutil.Process]:
        """Return the living processes with this name or title, by id."""
        found = {}
        for process in mesh_processes(self.state.mesh_id, Path(self.state.temp_dir)):
            try:
                if title in (process.name(), *process.cmdline()) or title in process.cmdline()[0]:
                    found[process.pid] = process
            except (psutil.Error, IndexError):
                continue
        return found

    def workers(self) -> dict[int, psutil.Process]:
        """Return the raylets that are not the head's: machines that joined on this one."""
        found = {}
        for pid, process in self.processes("raylet").items():
            with contextlib.suppress(psutil.Error):
                if process.ppid() != self.state.head_pid:
                    found[pid] = process
        return found

    def head(self) -> dict[int, psutil.Process]:
        """Return Ray's head, which starts all others on its machine."""
        try:
            process = psutil.Process(self.state.head_pid)
        except psutil.Error:
            return {}
        return {process.pid: process}

    def running(self) -> dict[str, tuple[str, int, int]]:
        """Return status, running and wanted replicas of each deployment.

        Raises `MeshError` where Ray's dashboard does not answer.
        """
        return {
            name: (each.status, each.running, each.wanted)
            for name, each in self._deployments().items()
        }

    def is_whole(self, replicas: Mapping[str, int], ended: Collection[int] = ()) -> bool:
        """Whether each deployment has its `replicas` and the gateway says that it is ready.

        Serve notices the end of a replica late: it must count none of the processes that have
        `ended`.
        """
        try:
            found = self._deployments()
        except MeshError:
            return False
        full = all(
            name in found and _is_full(found[name], count, ended)
            for name, count in replicas.items()
        )
        return full and self._is_ready()

    def _deployments(self) -> Mapping[str, Deployment]:
        with Dashboard(self.state) as dashboard:
            application = dashboard.serve().applications.get(APP_NAME)
        if application is None:
            raise MeshError(f"Serve has no application {APP_NAME!r}")
        return application.deployments

    def _is_ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.state.url}/readyz", timeout=_CALL_S, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK


def _is_full(deployment: Deployment, count: int, ended: Collection[int]) -> bool:
    counted = (deployment.status, deployment.running, deployment.wanted)
    return counted == ("HEALTHY", count, count) and not any(
        replica.pid in ended for replica in deployment.replicas
    )
