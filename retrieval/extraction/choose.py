"""The extractor that the settings name."""

from retrieval.extraction.base import RelationExtractor
from retrieval.settings import GraphSettings


def make_extractor(settings: GraphSettings) -> RelationExtractor:
    """Return the extractor; `MissingPartError` where it needs what is not installed."""
    if settings.relations == "spacy":
        from retrieval.extraction.dependencies import SpacyExtractor

        return SpacyExtractor.load(settings.spacy_model)
    from retrieval.extraction.rules import RuleExtractor

    return RuleExtractor()
