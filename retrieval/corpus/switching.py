"""Exchanging the vectors of the chunks table in one version.

The new column's files are written beforehand, fragment by fragment, while others read
and write the table. The commit only names them; Lance refuses it when a writer came in
between, and then only what that writer added is built anew.
"""

from dataclasses import replace

import lance
import pyarrow as pa
from lance.fragment import DataFile
from lance.schema import LanceSchema

from retrieval.corpus.numbering import index_version
from retrieval.corpus.staging import StagedVectors, as_column
from retrieval.corpus.vector_column import new_field
from retrieval.ids import content_hash

_ROWS = 8_192
_NAME_DIGITS = 12


class NewVectors:
    """A column for the chunks table, filled from staged vectors."""

    def __init__(self, staged: StagedVectors) -> None:
        self._staged = staged
        name = content_hash(staged.identity.model_dump_json())[:_NAME_DIGITS]
        self._schema = pa.schema([new_field(f"vector_{name}", staged.identity)])
        self._built: dict[tuple[str, ...], tuple[DataFile, LanceSchema]] = {}

    def build(self, dataset: lance.LanceDataset) -> int:
        """Write the column of those fragments that have none yet; return their rows.

        Every live chunk must be staged.
        """
        columns = _columns(dataset)
        new = [
            fragment
            for fragment in dataset.get_fragments()
            if (*columns, *_files(fragment)) not in self._built
        ]
        for fragment in new:
            metadata, schema = fragment.merge_columns(self._transform(), ["content_hash"], _ROWS)
            self._built[*columns, *_files(fragment)] = metadata.files[-1], schema
        return sum(fragment.physical_rows for fragment in new)

    def commit(self, dataset: lance.LanceDataset) -> int:
        """Make the column that of the vectors, in one version; return the index version."""
        self.build(dataset)
        columns, fragments = _columns(dataset), dataset.get_fragments()
        if not fragments:
            dataset.add_columns(self._schema)
            return index_version(dataset)
        built = [self._built[*columns, *_files(fragment)] for fragment in fragments]
        merged = [
            # Rows may have been deleted since, so all but the new file is as it is now.
            replace(fragment.metadata, files=[*fragment.metadata.files, file])
            for fragment, (file, _) in zip(fragments, built, strict=True)
        ]
        merge = lance.LanceOperation.Merge(merged, built[0][1])
        read = dataset.version
        return index_version(lance.LanceDataset.commit(dataset, merge, read_version=read))

    def _transform(self) -> lance.udf.BatchUDF:
        def transform(batch: pa.RecordBatch) -> pa.RecordBatch:
            vectors = self._staged.vectors(batch["content_hash"])
            return pa.RecordBatch.from_arrays([as_column(vectors)], schema=self._schema)

        return lance.batch_udf(output_schema=self._schema)(transform)


def _columns(dataset: lance.LanceDataset) -> list[str]:
    """Return what must stay the same for files to fit: names and numbers of the columns."""
    return [f"{field.name()} {field.id()}" for field in dataset.lance_schema.fields()]


def _files(fragment: lance.LanceFragment) -> list[str]:
    return [file.path for file in fragment.data_files()]
