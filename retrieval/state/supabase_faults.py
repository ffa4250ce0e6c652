"""What is said of a Supabase project that does not do what it is asked."""

from typing import TYPE_CHECKING

from retrieval.engine_settings import SupabaseSettings
from retrieval.state.postgres import SCHEMA

if TYPE_CHECKING:
    from postgrest.exceptions import APIError

_KEY = "set PMOVES_SUPABASE__KEY to the secret (service role) key of the project's API settings"
_TABLES = "run there what `pmoves migrations` prints, once"
# By PostgREST's codes, SQLSTATE, and the status where the answer has no code.
_WRONG_KEY = ("401", "PGRST301", "PGRST302", "PGRST303")
_NOT_EXPOSED = "PGRST106"
_NO_TABLE = ("PGRST202", "PGRST205", "42P01", "42883")
_NOT_ALLOWED = "42501"


def missing_package() -> str:
    """Return what to do without Supabase's client."""
    return "Supabase's client is not installed: pip install 'pmoves-mesh[supabase]'"


def key_fault(settings: SupabaseSettings) -> str | None:
    """Return why the key cannot even be sent, or None."""
    key = settings.key.get_secret_value()
    if not key:
        return f"there is no key for Supabase at {settings.url}; {_KEY}"
    if not key.isascii() or not key.isprintable() or " " in key:
        return f"the key for Supabase at {settings.url} has characters that no key has; {_KEY}"
    return None


def not_answering(settings: SupabaseSettings, error: Exception) -> str:
    """Return that nobody answers."""
    said = _without_key(settings, str(error).partition("\n")[0]) or type(error).__name__
    return (
        f"Supabase at {settings.url} does not answer: {said}; look whether the project runs, or "
        "correct PMOVES_SUPABASE__URL"
    )


def fault(settings: SupabaseSettings, error: "APIError") -> str:
    """Return what the project refused and why, without the key."""
    where, code = f"Supabase at {settings.url}", str(error.code or "")
    if code in _WRONG_KEY or "api key" in str(error.message).lower():
        return f"{where} refuses the key; {_KEY}"
    if code == _NOT_EXPOSED:
        return (
            f"{where} does not show the schema {SCHEMA}; add it to the exposed schemas in the "
            "project's API settings"
        )
    if code in _NO_TABLE:
        return f"{where} has no tables for gates in the schema {SCHEMA}; {_TABLES}"
    said = _without_key(settings, str(error.message).partition("\n")[0])
    if code == _NOT_ALLOWED:
        return f"{where} lets this key do too little ({said}); {_KEY}, or {_TABLES}"
    return f"{where} answers: {said} ({code or 'no code'})"


def _without_key(settings: SupabaseSettings, text: str) -> str:
    key = settings.key.get_secret_value()
    return text.replace(key, "***") if key else text
