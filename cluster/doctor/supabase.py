"""Whether the Supabase project that keeps the gates can be used."""

from contextlib import closing

from cluster.doctor.finding import Finding, fail, ok, warn
from cluster.settings import Settings
from retrieval.errors import PmovesError
from retrieval.state.supabase import SupabaseTables


def check_supabase(settings: Settings) -> Finding | None:
    """Ask it for its tables with the key; None where there is no project."""
    where = settings.supabase.url
    if not where:
        return None
    if not settings.uses_supabase:
        return warn(
            "supabase",
            f"{where} is not used: PMOVES_STATE__URL names a database, which keeps the gates too",
            "Unset one of the two.",
        )
    try:
        with closing(SupabaseTables(settings.supabase)) as tables:
            revision = tables.check()
    except PmovesError as error:
        return fail("supabase", str(error), "docs/guide/stores.md has the steps of a new project.")
    return ok("supabase", f"{where} keeps the gates, in tables of revision {revision}")
