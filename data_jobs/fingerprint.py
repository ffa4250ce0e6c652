"""What the chunks of a document depend on besides its bytes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from data_jobs.settings import ChunkingSettings
from data_jobs.speech.settings import SpeechSettings
from retrieval.chunk import JsonValue
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import content_hash

# Raise it whenever parsers or chunking give other chunks for the same file.
CODE = "4"


def pipeline_fingerprint(chunking: ChunkingSettings, identity: EmbeddingIdentity) -> str:
    """Return the hash of code, chunking settings and embedding model."""
    return content_hash(CODE, chunking.model_dump_json(), identity.model_dump_json())


def document_fingerprint(
    pipeline: str, source: str, name: str, metadata: Mapping[str, JsonValue]
) -> str:
    """Return the hash of everything but its bytes that the chunks of a document depend on."""
    return content_hash(pipeline, source, name, json.dumps(dict(metadata), sort_keys=True))


def with_speech(pipeline: str, speech: SpeechSettings) -> str:
    """Return the hash of `pipeline` and of how the words of a recording are recognised."""
    kept = {"backend", "model", "language", "beam_size", "segmentation"}
    # Those who do not tell speakers apart need not listen again.
    if speech.speakers.backend != "off":
        kept.add("speakers")
    return content_hash(pipeline, speech.model_dump_json(include=kept))


def file_hash(path: Path) -> str:
    """Return the SHA-256 of the bytes at `path` in hex, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
