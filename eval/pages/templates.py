"""Templates, style and script of the pages; whatever goes in is escaped."""

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from eval.pages.site import Site

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = "templates"
_STYLE, _SCRIPT = "style.css", "queries.js"


def render_page(template: str, site: Site = Site(), data: object = None, **values: object) -> str:
    """Return the page that `template` makes of `values`.

    `site` says where it stands, `data` what the script of the page reads, where it has
    one.
    Style and script stand in the page, and its content policy allows these two alone:
    what a document brings along as markup is shown as text, and would not run.
    """
    from markupsafe import Markup

    return (
        _templates()
        .get_template(template)
        .render(
            style=Markup(_part(_STYLE)),
            script=Markup(_part(_SCRIPT)),
            policy=content_policy(),
            home=site.home,
            sign_out=site.sign_out,
            data=data,
            **values,
        )
    )


@cache
def content_policy() -> str:
    """Return the Content-Security-Policy of every page: nothing is fetched, nothing else runs."""
    return (
        f"default-src 'none'; style-src '{_digest(_STYLE)}'; script-src '{_digest(_SCRIPT)}'; "
        "base-uri 'none'; form-action 'self'"
    )


def _digest(name: str) -> str:
    found = hashlib.sha256(_part(name).encode()).digest()
    return f"sha256-{base64.b64encode(found).decode()}"


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")


@cache
def _templates() -> "Environment":
    # With the first page: each gateway would start later.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return made
