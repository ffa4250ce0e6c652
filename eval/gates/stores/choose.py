"""The store of gates that the settings ask for."""

from eval.gates.stores.base import GateStore
from eval.gates.stores.sql import SqlGateStore
from retrieval.settings import LibrarySettings


def open_store(settings: LibrarySettings) -> GateStore:
    """Return it; a Supabase project keeps gates where no database of its own is named."""
    if settings.uses_supabase:
        from eval.gates.stores.supabase import SupabaseGateStore

        return SupabaseGateStore(settings.supabase)
    return SqlGateStore(settings.state_url)
