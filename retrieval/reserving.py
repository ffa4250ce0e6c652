"""What Ray sets aside for a piece of work beside CPUs and GPUs: memory, and amounts of your own."""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    TypeAdapter,
    ValidationError,
)

from retrieval.setting_group import Group

MEMORY = "memory"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
# Ray names these by options of their own, as do the settings of CPUs and GPUs.
_RAYS_OWN = {"cpu", "gpu", "object_store_memory"}
_BYTES: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)


def _pairs(value: object) -> object:
    """Let amounts be written as `memory=4GiB,rerank_slots=1`."""
    if not isinstance(value, str):
        return value
    return dict(_pair(part) for part in value.split(",") if part.strip())


def _pair(text: str) -> tuple[str, str]:
    name, equals, amount = (part.strip() for part in text.partition("="))
    if not equals:
        raise ValueError(f"{text.strip()!r} is no NAME=AMOUNT")
    return name, amount


def _in_bytes(value: object) -> object:
    if isinstance(value, dict) and MEMORY in value:
        return value | {MEMORY: int(_BYTES.validate_python(value[MEMORY]))}
    return value


def _named(amounts: dict[str, float]) -> dict[str, float]:
    for name in amounts:
        if name.lower() in _RAYS_OWN:
            raise ValueError(f"{name} is no amount of your own; CPUs and GPUs are other settings")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of letters, digits, '_', '.' and '-'")
    return amounts


def _without_memory(amounts: dict[str, float]) -> dict[str, float]:
    if MEMORY in amounts:
        raise ValueError("memory is a setting of its own: PMOVES_RAY__MEMORY")
    return amounts


_Amount = Annotated[float, Field(ge=0.0001, le=2**50, allow_inf_nan=False)]
Amounts = Annotated[
    dict[str, _Amount],
    BeforeValidator(_in_bytes),
    BeforeValidator(_pairs),
    AfterValidator(_named),
]

OwnAmounts = Annotated[Amounts, AfterValidator(_without_memory)]
_AMOUNTS: TypeAdapter[dict[str, float]] = TypeAdapter(Amounts)


class ReserveSettings(Group):
    """What one replica or worker needs beside CPUs and GPUs, as `memory=4GiB,rerank_slots=1`.

    `memory` is in bytes; other names are amounts that nodes offer (`pmoves node --resources`).
    """

    gateway: Amounts = Field({}, description="For a gateway.")
    embedder: Amounts = Field({}, description="For an embedder.")
    reranker: Amounts = Field({}, description="For a reranker.")
    shard: Amounts = Field({}, description="For a replica of a shard of the dense index.")
    ingestor: Amounts = Field({}, description="For a replica of what runs small jobs.")
    list: Amounts = Field({}, description="For the task of a job that lists files.")
    read: Amounts = Field({}, description="For a worker that fingerprints or fetches.")
    parse: Amounts = Field({}, description="For a worker that parses.")
    transcribe: Amounts = Field({}, description="For a worker that listens to recordings.")
    chunk: Amounts = Field({}, description="For a worker that cuts passages.")
    embed: Amounts = Field({}, description="For a worker that embeds.")
    commit: Amounts = Field({}, description="For the worker that writes the corpus.")


def resources_of(text: str) -> dict[str, float]:
    """Return what `text`, such as `rerank_slots=4`, says that a node offers; `ValueError` else."""
    try:
        return _AMOUNTS.validate_python(text)
    except ValidationError as error:
        said = [": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors()]
        raise ValueError("; ".join(said).removeprefix("Value error, ")) from None


def reserved(amounts: dict[str, float]) -> dict[str, Any]:
    """Return Ray's options that set `amounts` aside; none where there are none."""
    others = {name: amount for name, amount in amounts.items() if name != MEMORY}
    options: dict[str, Any] = {MEMORY: int(amounts[MEMORY])} if MEMORY in amounts else {}
    return options | ({"resources": others} if others else {})


def amounts_of(options: dict[str, Any]) -> dict[str, float]:
    """Return what Ray's `options` take of a node, by the names of `resources_total`."""
    own = {"CPU": options.get("num_cpus"), "GPU": options.get("num_gpus")}
    named = own | {MEMORY: options.get(MEMORY)} | (options.get("resources") or {})
    return {name: float(amount) for name, amount in named.items() if amount}


def told(amounts: dict[str, float]) -> list[str]:
    """Return `amounts` for people: `4 GiB`, `1 rerank_slots`."""
    return [_told(name, amount) for name, amount in amounts.items()]


def _told(name: str, amount: float) -> str:
    if name == MEMORY:
        return ByteSize(int(amount)).human_readable(separator=" ")
    return f"{amount:g} {name}s" if name in ("CPU", "GPU") else f"{amount:g} {name}"
