"""Pages as HTTP responses, and where they stand."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from eval.pages.site import Site
from eval.pages.templates import content_policy

PREFIX = "/eval"


def page_response(page: str, status: int = 200) -> HTMLResponse:
    """Return `page` with the headers of all pages: its content policy, and nothing is kept."""
    headers = {
        "Content-Security-Policy": f"{content_policy()}; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(page, status, headers)


def site_of(request: Request) -> Site:
    """Return where the pages stand under the application that answers `request`."""
    return Site(home=f"{request.scope.get('root_path', '')}{PREFIX}")
