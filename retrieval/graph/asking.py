"""Which types of entities a query asks for by a common noun, as in "the singer of Salt Hymn"."""

from collections.abc import Iterable

from retrieval.graph.folding import words

_PEOPLE = (
    "actor apprentice architect artist author bassist boss builder caretaker cellist chairman"
    " composer conductor curator daughter designer director drummer editor engineer filmmaker"
    " founder guest guitarist host inventor journalist leader maker manager member mentor musician"
    " owner painter person photographer pianist poet presenter producer professor pupil sculptor"
    " singer sister brother son student teacher violinist voice wife husband whoever whom writer"
)
_GROUPS = "band choir duo ensemble group orchestra quartet team trio"
_WORKS = (
    "album book episode film movie novel painting piece play poem record single song track tune"
    " video work"
)
_COMPANIES = "agency brand business company employer firm label publisher sponsor studio"
_NOUNS = {
    "PERSON": _PEOPLE,
    "PERSONA": _PEOPLE,
    "GROUP": _GROUPS,
    "BAND": _GROUPS,
    "WORK": _WORKS,
    "SHOW": "broadcast podcast programme series show",
    "COMPANY": _COMPANIES,
    "ORGANISATION": _COMPANIES
    + " academy association college foundation institute school university",
    "EVENT": "concert conference event exhibition festival gig",
    "PLACE": "city country county harbour island place region street town venue village",
}
_TYPES: dict[str, frozenset[str]] = {}
for _kind, _nouns in _NOUNS.items():
    for _noun in _nouns.split():
        _TYPES[_noun] = _TYPES.get(_noun, frozenset()) | {_kind}


def asked_types(query: str, types: Iterable[str]) -> set[str]:
    """Return those of `types` for which `query` has a noun, the name of the type or another."""
    nouns = {word for found in words(query) for word in (found, found.removesuffix("s"))}
    wanted = set[str]().union(*(_TYPES.get(noun, ()) for noun in nouns))
    return {kind for kind in types if kind in wanted or kind.lower() in nouns}
