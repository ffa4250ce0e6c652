"""A gate over the store that the settings ask for."""

from collections.abc import Callable, Sequence

from eval.datasets.base import Dataset
from eval.gates.evaluation import Evaluator
from eval.gates.gate import PersonaGate
from eval.gates.settings import PersonaSettings
from eval.gates.stores.choose import open_store
from eval.gates.watching import GateWatch
from eval.progress import Progress
from eval.systems.base import SearchSystem


def open_gate(
    settings: PersonaSettings,
    systems: Callable[[], SearchSystem],
    collections: Callable[[str], Dataset],
    *,
    roots: Sequence[str] | None,
    watch: GateWatch | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> PersonaGate:
    """Return the gate of the home in `settings`; close it after use.

    `systems` gives the search for one run, `collections` reads what `queries_path`
    says. Requests may name files below `roots`, with None anywhere. The store is
    opened by the first request, so that one without it is answered too.
    """
    runs = settings.home.absolute() / "evaluations"
    evaluator = Evaluator(collections, systems, runs, progress)
    store = open_store(settings)
    return PersonaGate(store, evaluator, settings.personas, roots=roots, watch=watch)
