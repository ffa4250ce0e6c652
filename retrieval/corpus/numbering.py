"""Index versions: the numbers by which callers know the versions of a corpus.

They are the versions of the chunks table until the corpus is restored from a backup,
which brings back an old version of the table. From then on they begin at the moment of
the restoration, in milliseconds since 1970, which no corpus reaches by commits. So a
number from before is never mistaken for one of later, and those that were handed out
after the backup are known as lost.
"""

import time
import uuid

import lance
from pydantic import BaseModel, ConfigDict, ValidationError

from retrieval.errors import CorpusError

_KEY = "pmoves:numbering"
_ID = "pmoves:id"


class Numbering(BaseModel):
    """What index versions mean in one corpus.

    `offset` is what they are ahead of the table's versions. Of each pair (a, b) in `lost`
    the numbers above a, up to b, stand for versions that this corpus does not hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: int = 0
    lost: tuple[tuple[int, int], ...] = ()

    def restored_from(self, number: int) -> int | None:
        """Return the index version of the backup that `number` came too late for, or None."""
        return next((low for low, high in self.lost if low < number <= high), None)


def numbering_of(dataset: lance.LanceDataset) -> Numbering:
    """Return the numbering of a version of the chunks table; `CorpusError` if it is damaged."""
    record = dataset.config().get(_KEY)
    try:
        return Numbering.model_validate_json(record) if record else Numbering()
    except ValidationError as error:
        raise CorpusError(f"the table {dataset.uri} has a damaged numbering: {error}") from error


def index_version(dataset: lance.LanceDataset) -> int:
    """Return the number by which callers know this version of the chunks table."""
    return numbering_of(dataset).offset + int(dataset.version)


def number_anew(dataset: lance.LanceDataset) -> None:
    """Begin to count at this moment, for a chunks table that was restored from a backup."""
    before, newest = numbering_of(dataset), index_version(dataset)
    offset = max(time.time_ns() // 1_000_000, newest)
    after = Numbering(offset=offset, lost=(*before.lost, (newest, offset)))
    dataset.update_config({_KEY: after.model_dump_json()})


def id_of(dataset: lance.LanceDataset) -> str | None:
    """Return what tells this corpus from all others, or None where nobody has asked yet."""
    found: str | None = dataset.config().get(_ID)
    return found


def give_id(dataset: lance.LanceDataset) -> None:
    """Give the corpus of this chunks table an id; it stays, in its backups too."""
    if id_of(dataset) is None:
        dataset.update_config({_ID: str(uuid.uuid4())})
