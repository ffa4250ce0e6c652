"""The specification of a backfill, a YAML file."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_jobs.errors import SourceError
from data_jobs.sources import check, item_uri
from retrieval.chunk import JsonValue
from retrieval.cron import CronExpression, TimeZone
from retrieval.errors import InvalidInputError
from retrieval.job_request import Budget, JobRequest, Lane, Mirror, SourceItem
from retrieval.query import Namespace


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceSpec(_Strict):
    """One source of a backfill."""

    uri: str
    include: list[str] | None = None
    exclude: list[str] | None = None
    recursive: bool = True
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    priority: int = 0


class BackfillSpec(_Strict):
    """What to ingest, how much of it in one run, and when."""

    sources: list[SourceSpec] = Field(min_length=1)
    namespace: Namespace | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    lanes: list[Lane] = Field(default_factory=list)
    budgets: dict[Lane, Budget] = Field(default_factory=dict)
    mirror: Mirror | None = None
    retry_quarantined: bool = False
    schedule: CronExpression | None = None
    timezone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _budgets_of_wanted_lanes(self) -> Self:
        if self.lanes and (others := self.budgets.keys() - set(self.lanes)):
            raise ValueError(f"budgets for lanes that are not taken: {', '.join(sorted(others))}")
        return self

    def request(self, namespace: str) -> JobRequest:
        """Return one run as a job; `namespace` where the specification names none."""
        return JobRequest(
            namespace=self.namespace or namespace,
            sources=[_item(source) for source in self.sources],
            metadata=self.metadata,
            lanes=self.lanes,
            budgets=self.budgets,
            mirror=self.mirror,
            retry_quarantined=self.retry_quarantined,
        )


def read_spec(path: Path) -> BackfillSpec:
    """Return the specification at `path`; `InvalidInputError` names what is wrong in it."""
    try:
        spec = BackfillSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        check([_item(source) for source in spec.sources])
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}"
            for each in error.errors()
        )
        raise InvalidInputError(f"{path}: {faults}") from error
    except SourceError as error:
        raise InvalidInputError(f"{path}: sources: {error}") from error
    return spec


def _item(source: SourceSpec) -> SourceItem:
    # Absolute, because Ray's workers stand in another folder.
    return SourceItem(uri=item_uri(source.uri), **source.model_dump(exclude={"uri"}))
