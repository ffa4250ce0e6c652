"""`python -m eval.relations`: how many of the relations found are right, and how many are found."""

import argparse

from eval.relations.judging import judge
from eval.relations.labelled import labelled_sentences
from retrieval.extraction.choose import make_extractor
from retrieval.settings import GraphSettings, LibrarySettings


def main() -> None:
    """Print precision and recall on either half, and, where asked, every difference."""
    parser = argparse.ArgumentParser(prog="python -m eval.relations", description=__doc__)
    parser.add_argument(
        "--differences", action="store_true", help="show them, never of those kept out"
    )
    parser.add_argument("--spacy", metavar="MODEL", help="let a spaCy model parse as well")
    parser.add_argument(
        "--llm", action="store_true", help="let the language model of the settings read instead"
    )
    options = parser.parse_args()
    chosen = {"relations": "spacy", "spacy_model": options.spacy} if options.spacy else {}
    if options.llm:
        chosen = {"relations": "llm"}
    extractor = make_extractor(LibrarySettings(graph=GraphSettings.model_validate(chosen)))
    for held_out in (False, True):
        half = [sentence for sentence in labelled_sentences() if sentence.held_out is held_out]
        found = judge(half, extractor)
        print(f"{'held out' if held_out else 'written by'}: {found}")
        if options.differences and not held_out:
            for line in found.differences:
                print(f"  {line}")


if __name__ == "__main__":
    main()
