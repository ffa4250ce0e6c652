"""Signing in: a browser shows its API key once, and a cookie opens pages from then on."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from eval.dashboard.responses import page_response, site_of
from eval.pages.site import Site
from eval.pages.templates import render_page
from retrieval.state.keys import Credential
from serve_apps import problems
from serve_apps.browser_form import FORM, read_browser_form, require_same_origin
from serve_apps.openapi import form_body
from serve_apps.policy import PAGES, SIGN_IN, SIGN_OUT, rule_for
from serve_apps.problems import ProblemError
from serve_apps.services import Services, services_of

# The name is for password managers alone.
_FIELDS = ("key", "next", "username")
_BODY = form_body({name: {"type": "string"} for name in _FIELDS}, ["key"], FORM)
_HTML: dict[int | str, dict[str, object]] = {
    status: {"content": {"text/html": {}}, "description": "The form, and what was wrong"}
    for status in (401, 403)
}
_ON: dict[int | str, dict[str, object]] = {303: {"description": "On to the page"}}


def signed_in_site(request: Request) -> Site:
    """Return where the pages stand, with the way out for who has signed in."""
    home = site_of(request).home
    left = home.removesuffix(PAGES) + SIGN_OUT
    return Site(home, left if getattr(request.state, "signed_in", False) else "")


def sign_in_routes() -> APIRouter:
    """Return the routes that begin and end sessions."""
    router = APIRouter(tags=["evaluation"])

    @router.get(SIGN_IN, summary="Form to sign in", response_class=HTMLResponse, responses=_ON)
    async def form(
        request: Request, target: Annotated[str, Query(alias="next", max_length=4_096)] = ""
    ) -> Response:
        """Ask for an API key, where the mesh has any."""
        if not services_of(request).keyring.closed:
            return _on_to(request, page_of(target))
        return _form(request, target)

    @router.post(
        SIGN_IN,
        summary="Sign in",
        status_code=303,
        response_class=Response,
        responses=_HTML,
        openapi_extra=_BODY,
    )
    async def sign_in(request: Request) -> Response:
        """Begin a session and lead on, or show the form with what was wrong."""
        given = await read_browser_form(request, _FIELDS, "key")
        return await _begun(request, given["key"].strip(), given.get("next", ""))

    @router.post(
        SIGN_OUT, summary="Sign out", status_code=303, response_class=Response, responses=_ON
    )
    async def sign_out(request: Request) -> Response:
        """Let the browser forget its session."""
        require_same_origin(request)
        response = _on_to(request, SIGN_IN)
        response.delete_cookie(services_of(request).sessions.cookie, path=_path(request, PAGES))
        return response

    return router


async def _begun(request: Request, token: str, target: str) -> Response:
    services = services_of(request)
    if not services.keyring.closed:
        return _on_to(request, page_of(target))
    try:
        credential = await services.keyring.with_token(token)
    except ProblemError as problem:
        if problem.kind is not problems.UNAUTHENTICATED:
            raise
        return _form(request, target, problem)
    if refusal := rule_for("GET", PAGES).refusal(credential.key):
        return _form(request, target, ProblemError(problems.FORBIDDEN, refusal))
    # For the access log.
    request.state.key_id = credential.key.key_id
    response = _on_to(request, page_of(target))
    _set_cookie(response, request, services, credential)
    return response


def _set_cookie(
    response: Response, request: Request, services: Services, credential: Credential
) -> None:
    sessions, origin = services.sessions, request.headers.get("origin", "")
    response.set_cookie(
        sessions.cookie,
        sessions.begin(credential),
        max_age=sessions.seconds,
        path=_path(request, PAGES),
        # Behind a proxy with TLS only the browser knows that it speaks TLS.
        secure=origin.startswith("https:") or request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _form(request: Request, target: str, fault: ProblemError | None = None) -> HTMLResponse:
    lasts = timedelta(seconds=services_of(request).sessions.seconds)
    page = render_page(
        "sign_in.html",
        action=_path(request, SIGN_IN),
        target=page_of(target),
        fault=fault.detail if fault else "",
        hours=f"{lasts / timedelta(hours=1):.3g} hours",
    )
    response = page_response(page, fault.kind.status if fault else 200)
    response.headers.update(fault.headers if fault else {})
    return response


def _on_to(request: Request, target: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return RedirectResponse(_path(request, target), status_code=303, headers=headers)


def _path(request: Request, path: str) -> str:
    return f"{request.scope.get('root_path', '')}{path}"


def page_of(target: str) -> str:
    """Return `target` if it is one of our pages, else the list of runs: nobody is led elsewhere."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return PAGES
    elsewhere = parts.scheme or parts.netloc or not target.isascii() or "\\" in target
    return PAGES if elsewhere or not rule_for("GET", parts.path).page else target
