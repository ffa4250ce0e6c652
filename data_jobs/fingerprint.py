"""What the chunks of a document depend on besides its bytes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from data_jobs.parse.media_types import CONTAINERS, IMAGES, LEGACY_OFFICE, MODERN_OFFICE, PDF
from data_jobs.settings import ChunkingSettings, IngestSettings
from data_jobs.speech.settings import SpeechSettings
from retrieval.chunk import JsonValue
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import content_hash

# Raise it whenever parsers or chunking give other chunks for the same file.
CODE = "4"

# Other settings bound how long reading may take.
_READING = {
    "ocr": {"enabled", "languages", "dpi", "min_confidence"},
    "images": {"gps", "safety", "embedded"},
    "office": {"as_pdf"},
    "pdf": {"running_lines"},
}


def pipeline_fingerprint(chunking: ChunkingSettings, identity: EmbeddingIdentity) -> str:
    """Return the hash of code, chunking settings and embedding model."""
    return content_hash(CODE, chunking.model_dump_json(), identity.model_dump_json())


def document_fingerprint(
    pipeline: str, source: str, name: str, metadata: Mapping[str, JsonValue]
) -> str:
    """Return the hash of everything but its bytes that the chunks of a document depend on."""
    return content_hash(pipeline, source, name, json.dumps(dict(metadata), sort_keys=True))


def with_reading(
    pipeline: str, media_type: str | None, metadata: Mapping[str, object], ingest: IngestSettings
) -> str:
    """Return the hash of `pipeline` and of how a document of that type is read.

    Settings at their defaults change nothing. OCR matters to pictures, to pages that it has
    read (which `metadata` tells), and like all others to files inside of which others lie.
    """
    container = media_type in CONTAINERS
    office = media_type in LEGACY_OFFICE | MODERN_OFFICE
    image = media_type in IMAGES
    matters = {
        "ocr": container or image or "ocr_pages" in metadata,
        "images": container or office or image,
        "office": container or office,
        "pdf": container or media_type == PDF,
    }
    fields = {group: _READING[group] for group, does in matters.items() if does}
    chosen = ingest.model_dump(mode="json", include=fields, exclude_defaults=True)
    told = {group: values for group, values in chosen.items() if values}
    return content_hash(pipeline, json.dumps(told, sort_keys=True)) if told else pipeline


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
