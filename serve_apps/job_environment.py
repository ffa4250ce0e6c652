"""The environment by which what runs beside the gateway finds corpus and state of this mesh."""

import json
from collections.abc import Mapping

from pydantic import BaseModel, SecretStr

from serve_apps.settings import AppArgs

_GROUPS = ("corpus", "state", "embedding", "search", "graph", "llm", "ingest", "fetch", "log")


def mesh_environment(settings: AppArgs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment by which a job finds the corpus and state of this mesh.

    The settings in force win over `environ`, of which every `PMOVES_…` is kept. Secrets are
    taken from `environ` alone: Ray shows the environment of a job to whoever may ask.
    """
    environment = {name: value for name, value in environ.items() if name.startswith("PMOVES_")}
    environment["PMOVES_HOME"] = str(settings.home.absolute())
    environment["PMOVES_PROFILE"] = settings.profile
    for group in _GROUPS:
        values: BaseModel = getattr(settings, group)
        secret = {name for name, value in values if isinstance(value, SecretStr)}
        for name, value in values.model_dump(
            mode="json", exclude_unset=True, exclude=secret
        ).items():
            text = value if isinstance(value, str) else json.dumps(value)
            environment[f"PMOVES_{group}__{name}".upper()] = text
    return environment
