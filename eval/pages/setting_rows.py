"""Where runs come from, as rows of a table: settings, model, code, machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.stored import StoredRun
from retrieval.chunk import JsonValue


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One property of each of the runs, in their order; empty where a run does not tell."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether the runs are not alike in it."""
        return len(set(self.values)) > 1


def setting_rows(runs: Sequence[StoredRun]) -> list[SettingRow]:
    """Return every property of `runs`."""
    found = [dict(_properties(run)) for run in runs]
    names = dict.fromkeys(name for properties in found for name in properties)
    return [SettingRow(name, [item.get(name, "") for item in found]) for name in names]


def _properties(run: StoredRun) -> Iterator[tuple[str, str]]:
    source = run.provenance
    yield "system", source.system
    yield "asked at", f"{source.created_at:%Y-%m-%d %H:%M} UTC"
    yield "namespace", source.namespace
    yield "index version", str(source.index_version)
    yield "hits fetched", str(source.depth)
    yield "code of the system", source.description.code
    yield "code of the harness", source.harness
    yield "hash of the collection", source.dataset_hash
    yield "machine", str(source.machine)
    yield from _flat("model", source.description.model)
    yield from _flat("", source.description.settings)


def _flat(prefix: str, values: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _flat(path, value)
        else:
            yield path, str(value)
