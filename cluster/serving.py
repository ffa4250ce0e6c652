"""The Serve application of `pmoves up`: evaluations behind the gateway's doors, small jobs."""

from collections.abc import Sequence

from fastapi import APIRouter
from ray import serve

from cluster.evaluation_routes import evaluation_routes
from cluster.ingestor import Ingestor
from serve_apps.app import application
from serve_apps.gateway import Gateway
from serve_apps.services import Services
from serve_apps.settings import AppArgs


class MeshGateway(Gateway):
    """The gateway with `/eval`.

    A deployment of its own would cost a process of 200 MB, and would need the same
    doors a second time.
    """

    def more_routes(self, services: Services) -> Sequence[APIRouter]:
        """Return the routes under `/eval`."""
        return evaluation_routes(services)


def build(args: AppArgs) -> serve.Application:
    """Return the application; see `serve_apps.app.build`."""
    return application(args, MeshGateway, Ingestor)
