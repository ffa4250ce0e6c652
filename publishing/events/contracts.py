"""The contracts of the events that the mesh sends, as JSON Schema files in `schemas`."""

from retrieval.contracts import Contracts

FILE_ADDED = "ingest.file.added.v1"
DOCUMENT_READY = "ingest.document.ready.v1"
DOCUMENT_QUARANTINED = "ingest.document.quarantined.v1"
TRANSCRIPT_READY = "ingest.transcript.ready.v1"
TOPICS = (FILE_ADDED, DOCUMENT_READY, DOCUMENT_QUARANTINED, TRANSCRIPT_READY)
CONTRACTS = Contracts("publishing.events", "urn:pmoves:event:", TOPICS, ("common",))
