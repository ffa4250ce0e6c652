"""What is known of a Ray that this home's applications joined, in `<home>/run/joined.json`."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from cluster.errors import MeshError


class JoinedRay(BaseModel):
    """Where the applications of this home run."""

    dashboard_url: str
    url: str
    home: str

    @property
    def token(self) -> str | None:
        """Ray's token, as Ray's own tools find it."""
        from cluster.mesh.dashboard import environment_token

        return environment_token()

    def refusal(self) -> MeshError:
        """Return the error of whoever wants these applications elsewhere."""
        return MeshError(
            f"the applications of {self.home} run on the Ray at {self.dashboard_url}; "
            "`pmoves down` takes them from there."
        )


def read_joined(run_dir: Path) -> JoinedRay | None:
    """Return the cluster that was joined, if one was; `MeshError` if the file is damaged."""
    path = joined_path(run_dir)
    try:
        return JoinedRay.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise MeshError(f"{path} is damaged; remove it, and join again: {error}") from error


def joined_path(run_dir: Path) -> Path:
    """Where it is written down."""
    return run_dir / "joined.json"


def write_joined(run_dir: Path, joined: JoinedRay) -> None:
    """Write it down."""
    run_dir.mkdir(parents=True, exist_ok=True)
    joined_path(run_dir).write_text(joined.model_dump_json(indent=2))
