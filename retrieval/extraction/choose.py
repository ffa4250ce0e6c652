"""The extractor that the settings name."""

from retrieval.extraction.base import RelationExtractor
from retrieval.settings import LibrarySettings


def make_extractor(settings: LibrarySettings, tokens: int = 0) -> RelationExtractor:
    """Return the extractor; a language model may spend `tokens`, or any number of them if 0.

    Raises `MissingPartError` where it needs what is not installed, `InvalidInputError` where
    the settings name no language model.
    """
    if settings.graph.relations == "spacy":
        from retrieval.extraction.dependencies import SpacyExtractor

        return SpacyExtractor.load(settings.graph.spacy_model)
    if settings.graph.relations == "llm":
        from retrieval.extraction.language_model import LanguageModelExtractor

        return LanguageModelExtractor(settings.llm, tokens)
    from retrieval.extraction.rules import RuleExtractor

    return RuleExtractor()
