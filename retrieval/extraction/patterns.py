"""How English says what one name has to do with another, as patterns over sentences.

In a sentence every name stands as one character, `NAME`. In a pattern `{S}` is the
subject and `{O}` the object of the relation, each after a description such as "the cellist"
or "her brother"; `{be}` and `{have}` are what may stand before a verb. An enumeration of
names stands as one character, too. A pattern has a type and a confidence, which is how often it was
right where we wrote it, roughly.
"""

import re
from dataclasses import dataclass
from functools import cache

FIRST_NAME, FIRST_ENUMERATION = 0xE000, 0xF000
NAME = "[\ue000-\uf8ff]"
SEVERAL = "[\uf000-\uf8ff]"
_DESCRIPTION = (
    r"(?:(?:the|a|an|my|our|your|her|his|their|its|both) )?"
    r"(?:(?!(?:for|of|on|in|at|with|by|from|to|and|or|as|not|never|no)\b)[a-z][\w’'-]* ){0,3}?"
)
ENUMERATION = re.compile(rf"{NAME}(?:, {NAME})*,? (?:and|&) {_DESCRIPTION}{NAME}")
_TITLE = r"(?:(?:the|my|our|your|her|his|their|both) )?[\"“„]?"
_HAVE = (
    r"(?:(?:has|have|had|’ve|'ve|also|then|once|later|first|recently|now|still|regularly|will) )*"
)
_BE = r"(?:(?:is|was|are|were|has been|have been|will be|being) (?:also |now |then |again )?)"

_WROTE = (
    "wrote|writes|co-wrote|composed|composes|penned|directed|directs|created|creates|invented"
    "|painted|paints|filmed|films|shot|built|designed|designs|choreographed|authored|released"
    "|self-released|devised|sculpted"
)
_WRITTEN = (
    "written|co-written|composed|directed|created|invented|painted|filmed|shot|built|designed"
    "|choreographed|authored|released|devised|sculpted|made"
)
_MIXED = (
    "mixed|mixes|mastered|masters|remastered|produced|produces|edited|edits|engineered|arranged"
    "|arranges|remixed|remixes|graded|narrated|narrates|illustrated|animated|translated|lit"
    "|scored|subtitled|recorded|voiced|voices|co-produced"
)
_MIXED_BY = (
    "mixed|mastered|remastered|produced|edited|engineered|arranged|remixed|graded|narrated"
    "|illustrated|animated|translated|lit|scored|subtitled|recorded|voiced|painted|drawn|played"
    "|designed|written|performed|sung"
)
_WORK = (
    "album|record|single|song|EP|LP|film|documentary|short|play|radio play|book|novel|piece|track"
    "|video|podcast|poem|painting|series|tune|mixtape|soundtrack|score|musical|opera|game|comic|typeface"
)
_PLAYER = (
    "drummer|singer|bassist|guitarist|keyboardist|violinist|cellist|pianist|member|co-member"
    "|frontman|frontwoman|vocalist|percussionist|fiddler|trumpeter|saxophonist|rapper|harpist"
    "|accordionist|organist|player|half|voice|leader|bandleader"
)
_JOB = (
    "engineer|director|professor|owner|co-owner|manager|editor|producer|designer|curator|head|chief"
    "|CEO|teacher|lecturer|technician|librarian|researcher|journalist|reporter|archivist|secretary"
    "|treasurer|president|chair|chairwoman|chairman|boss|photographer|programmer|booker|employee"
    "|intern|spokeswoman|spokesman|principal|caretaker|accountant|developer"
)
_KIN = (
    "sister|brother|mother|father|daughter|son|wife|husband|cousin|aunt|uncle|niece|nephew"
    "|grandmother|grandfather|granddaughter|grandson|twin|partner|widow|widower|half-sister|half-brother"
)
_KINDS = _KIN.replace("|wife", "|wives").replace("|", "s|") + "s|siblings|married|twins|spouses"
# Names that end or begin so are employers; of others "from" may mean a place.
EMPLOYER = re.compile(
    r"(?:^Radio |\b(?:Records|Studios?|Mastering|Trust|Academy|Supplies|Works|Organworks|Ltd|Inc|GmbH"
    r"|Institute|University|Foundation|College|School|Press|Books|Films|Pictures|Productions|Group"
    r"|Company|Theatre|Museum|Library|Labs?|Agency|Club|Society|Association|Council|Radio|Guild"
    r"|Co-op|Collective|Archive|Gallery|Magazine|Times|Post|Workshop|Rentals?|Insurance|Bank)$)"
)

_TABLE: tuple[tuple[str, float, str], ...] = (
    # Makers and works.
    ("CREATED", 0.9, rf"{{S}}(?:,? who)? {{have}}(?:(?:{_WROTE}|{_MIXED}),? (?:and )?)*(?:{_WROTE})(?:,? (?:and )?(?:{_MIXED}))* {{T}}{{O}}(?![’']s)"),
    ("CREATED", 0.9, rf"{{O}}(?:,? (?:which )?{{be}}|, ?| ?\(|: )?(?:(?:{_WRITTEN}|{_MIXED_BY})(?:,| and|, and) )*(?:{_WRITTEN}) (?:in \d+ )?by {{S}}"),
    ("CREATED", 0.9, rf"{{O}}(?: {{be}}|, )(?:the|a|an) (?:[\w-]+ ){{0,3}}?(?:{_WORK}) (?:by|of|from) {{S}}"),
    ("CREATED", 0.85, rf"\b(?:{_WORK}),? {{O}},? by {{S}}"),
    ("CREATED", 0.85, rf"{{S}}[’']s? (?:[\w-]+ ){{0,3}}?(?:{_WORK}),? [\"“]?{{O}}"),
    ("CREATED", 0.6, r"{S}[’']s? [\"“]?{O}"),
    ("CREATED", 0.7, r"(?<! at )(?<! in ){O} by {S}"),
    ("CREATED", 0.8, r"called {O},? and it[’']?s? (?:is |was )?by {S}"),
    # Those who helped.
    ("WORKED_ON", 0.9, rf"{{S}}(?:,? who)? {{have}}(?:(?:{_MIXED}),? (?:and )?)*(?:{_MIXED}) {{T}}{{O}}"),
    ("WORKED_ON", 0.9, rf"{{O}} {{be}}(?:(?:{_MIXED_BY})(?:,| and|, and) )*(?:{_MIXED_BY}) (?:(?:at|in) {NAME} )?by {{S}}"),
    ("WORKED_ON", 0.92, r"\b(?:[Tt]he|[Ii]ts) [\w -]{3,30} (?:of|on|for|to|in) {O} {be}(?:\w+ )?by {S}"),
    ("WORKED_ON", 0.85, rf"{{S}} {{have}}(?:{_WROTE}|{_MIXED}|made|makes|did|does|drew) (?:the|all|some|most of the) [\w -]{{3,30}}? (?:for|of|on|to) {{O}}"),
    ("WORKED_ON", 0.85, r"{S} {have}(?:plays?|played|sings?|sang) (?:the )?(?:[\w-]+ ){0,3}on {O}"),
    ("WORKED_ON", 0.85, r"{O} stars {S}"),
    ("WORKED_ON", 0.85, r"{S} {have}(?:stars?|starred|acts|acted) in {O}"),
    ("WORKED_ON", 0.85, r"{S} (?:and [\w ]+ )?(?:worked|works|have worked) (?:together )?on {O}"),
    ("WORKED_ON", 0.7, r"(?:mixed|mastered|edited|produced|arranged|narrated|translated) by {S}(?: for| on) {O}"),
    ("WORKED_ON", 0.8, rf"{{O}}[ (,]+[^()]*?,? (?:{_MIXED_BY}) by {{S}}"),
    # Groups.
    ("MEMBER_OF", 0.9, rf"{{S}}(?:, | {{be}}| — | – |, who {{be}})(?:the |a |an )?(?:[\w-]+ ){{0,3}}?(?:{_PLAYER}) (?:of|in|for|with) {{O}}"),
    ("MEMBER_OF", 0.9, r"{S}(?:, who)? {have}(?:plays?|played|sings?|sang) (?:the )?[\w-]+ (?:in|for|with) {O}"),
    ("MEMBER_OF", 0.85, r"{S}(?:,? who)? {have}(?:joins?|joined) {O}(?! as an? )"),
    ("MEMBER_OF", 0.9, rf"{{S}} {{have}}(?:joins?|joined) {{O}} as (?:a|an|the)? ?(?:[\w-]+ )?(?:{_PLAYER})"),
    ("MEMBER_OF", 0.85, r"{S} (?:form|formed|make up) {O}"),
    ("MEMBER_OF", 0.85, rf"{{O}} (?:are|consists? of|is made up of) (?P<s>{SEVERAL})"),
    ("MEMBER_OF", 0.85, rf"{{O}}[’']s? (?:[\w-]+ ){{0,2}}?(?:{_PLAYER}),? {{S}}"),
    # Work and trade.
    ("WORKS_FOR", 0.9, r"{S}(?:,? and (?:she|he|they)|,? who)? {have}(?:works?|worked|working) (?:for|at) {T}{O}"),
    ("WORKS_FOR", 0.85, rf"{{S}}(?:, | {{be}}|, who {{be}})(?:the |a |an )?(?:[\w-]+ ){{0,3}}?(?:{_JOB})(?: and [\w-]+)? (?:of|at|for|with) {{T}}{{O}}"),
    ("WORKS_FOR", 0.85, rf"{{S}}(?:,? who)? {{have}}(?:joins?|joined) {{O}} as (?:a|an|its|their|the)? ?(?:[\w-]+ )?(?:{_JOB})"),
    ("WORKS_FOR", 0.85, r"{O} {have}(?:hires?|hired|employs|employed|appointed) {S}"),
    ("WORKS_FOR", 0.85, r"{S},? (?:from|of|at) {T}{E}"),
    ("WORKS_FOR", 0.85, rf"{{O}}[’']s? (?:[\w-]+ ){{0,2}}?(?:{_JOB}),? {{S}}"),
    ("FOUNDED", 0.95, r"{S}(?:,? who)? {have}(?:founded|co-founded|established|started|launched|set up|founds) {T}{O}"),
    ("FOUNDED", 0.95, r"{O}(?:,? (?:which )?{be}|, )(?:founded|co-founded|established|started|launched|set up) (?:in \d+ )?by {S}"),
    ("FOUNDED", 0.95, r"{S}(?:,| {be}|, who {be}) ?(?:the |a |an )?(?:[\w-]+ ){0,2}?(?:founder|co-founder)(?: and [\w -]+?)? of {T}{O}"),
    ("SIGNED", 0.9, r"{O} {have}(?:signed|signs) (?:with|to) {S}"),
    ("SIGNED", 0.9, r"{S} {have}(?:signed|signs) {O}"),
    ("ORGANISED", 0.9, r"{S}(?:,? who)? {have}(?:organises?|organised|organizes?|organized|curates?|curated) {T}{O}"),
    ("ORGANISED", 0.9, r"{O} {be}(?:organised|organized|curated|run) by {S}"),
    ("SPONSORS", 0.9, r"{S} {have}(?:sponsors?|sponsored|supports|funds|funded|backs|underwrites) {T}{O}"),
    ("SPONSORS", 0.9, r"{O} {be}(?:sponsored|supported|funded|backed|underwritten|brought to you|made possible) by {S}"),
    # Shows.
    ("HOSTS", 0.9, r"{S}(?:,? who)? {have}(?:hosts?|hosted|presents?|presented|co-hosts?|moderates?|moderated) {T}{O}"),
    ("HOSTS", 0.9, r"{O}(?:,? {be}|, )(?:hosted|presented|moderated) by {S}"),
    ("HOSTS", 0.9, r"{S}(?:, | {be})(?:the |your )?(?:host|presenter|moderator|co-host) of {O}"),
    ("HOSTS", 0.9, r"[Ww]elcome (?:back )?to {O},? (?:with (?:me, |your host,? )?|I[’']m |I am |my name is ){S}"),
    ("HOSTS", 0.9, r"(?:I[’']m|I am|[Mm]y name is) {S},? and (?:this is|you[’']re listening to|welcome to) {O}"),
    ("HOSTS", 0.9, r"[Tt]his is {O},? (?:and )?(?:I[’']m|I am|my name is) {S}"),
    ("APPEARED_ON", 0.9, r"{S} {be}(?:a |the |our |my )?(?:[\w-]+ )?guest (?:on|of|in) {O}"),
    ("APPEARED_ON", 0.85, rf"{{S}}(?: from {NAME})? {{have}}(?:joins|joined) (?:us|me) on {{O}}"),
    ("APPEARED_ON", 0.85, r"{S} {have}(?:appears?|appeared|guested|guests) (?:on|in) {O}"),
    ("APPEARED_ON", 0.85, r"{O} (?:features|featured|welcomes|welcomed) {S}"),
    ("APPEARED_ON", 0.8, r"{O},? [Ee]pisode \d+,? (?:with|feat\.|featuring) {S}"),
    ("INTERVIEWED", 0.9, r"{S} {have}(?:interviews?|interviewed) {O}"),
    ("INTERVIEWED", 0.85, r"{S} {have}(?:talks?|talked|speaks?|spoke|chats?|chatted) (?:to|with) {O}"),
    ("INTERVIEWED", 0.9, r"{O} {be}interviewed by {S}"),
    ("PART_OF", 0.92, rf"{{S}} {{be}}(?:taken )?(?:from|on|part of) (?:the |their |her |his )?(?:[\w-]+ ){{0,2}}?(?:{_WORK}|trilogy|cycle|festival) {{O}}"),
    ("PART_OF", 0.85, r"{S} {be}part of {T}{O}"),
    ("PART_OF", 0.9, r"{S}(?: {be}|, )(?:the|a|an) (?:[\w-]+ ){0,3}?(?:track|song|single|episode|chapter|movement|part|instalment|scene|tune|opener|closer) (?:of|on|from|off) {T}{O}"),
    # Stages and places.
    ("PERFORMED_AT", 0.9, r"{S} {have}(?:headlines?|headlined|headlining|closes|closed|opens|opened) {T}{O}(?! with)"),
    ("PERFORMED_AT", 0.85, rf"{{S}} {{have}}(?:plays?|played|performs?|performed|speaks?|spoke|sings?|sang|appeared)(?: (?:a|the|their|her|his) [\w -]{{2,30}}?| live| (?:[\"“]?{NAME}[\"”]? )?in full)? (?:at|in) {{T}}{{V}}"),
    ("PERFORMED_AT", 0.85, r"{S}[^.;]{0,25}?,? [Ll]ive (?:at|from) {O}"),
    ("PERFORMED_AT", 0.85, r"(?:talk|concert|set|show|gig|performance|workshop|reading) (?:by|of) {S} at {O}"),
    ("LOCATED_IN", 0.9, r"{S}(?:,? {be}|, )(?:based|located|situated|held|at home|housed) (?:[\w ]+ )?in {O}"),
    ("LOCATED_IN", 0.85, r"{S} {be}(?:a|an|the) [\w -]{3,40}? (?:in|near) {O}"),
    ("LOCATED_IN", 0.9, r"{S}(?:[^,;.]{0,20})? (?:lies|lie|stands|sits|lives?|resides|is based|broadcasts|settled|moved|now lives|relocated) (?:[\w ]+ )?(?:in|from|to) (?:the [\w ]+ of )?{O}"),
    ("LOCATED_IN", 0.8, rf"{{S}} {{have}}(?:teaches|works|runs (?:a|an|the|her|his|their) [\w -]+?|keeps (?:a|an|the) [\w -]+?|has (?:a|an|the) [\w -]+?|shares (?:a|an|the) [\w -]+?(?: with {NAME})?) in {{O}}"),
    ("LOCATED_IN", 0.75, rf"{{E}}(?: in|,) (?P<o>{NAME})"),
    ("FROM", 0.9, rf"{{S}}(?:,? who)? {{have}}(?:comes?|came|hails?|hailed|{_BE}) ?(?:originally )?from {{O}}"),
    ("FROM", 0.9, r"{S}(?:,? who)? (?:was born|{have}grew up|was raised) (?:and raised )?in {O}"),
    ("FROM", 0.85, r"{S}(?: {be}|, )(?:a|an|the) (?:[\w-]+ ){1,4}from {O}"),
    # People among each other.
    ("COLLABORATED_WITH", 0.9, r"{S} (?:feat\.|ft\.|featuring) {O}"),
    ("COLLABORATED_WITH", 0.9, r"{S} {have}(?:works?|worked|collaborates?|collaborated|teamed up|teams up|toured|tours|duets|recorded|shares? (?:a|an|the) [\w-]+) (?:together )?with {O}"),
    ("COLLABORATED_WITH", 0.9, rf"(?P<s>{NAME}) and {_DESCRIPTION}(?P<o>{NAME}) {{have}}(?:work(?:ed)? together|collaborated?|recorded a|wrote (?:a|an|the) [\w-]+ together|sang a duet|toured together)"),
    ("COLLABORATED_WITH", 0.8, rf"{{S}} {{have}}(?:{_WROTE}|{_MIXED}) {_TITLE}{NAME}[\"”]?,? (?:together )?with {{O}}"),
    ("FAMILY_OF", 0.95, rf"{{S}}(?:, | {{be}})(?:the |a |an )?(?:[\w-]+ )?(?:{_KIN}) of {{O}}"),
    ("FAMILY_OF", 0.95, rf"{{S}} {{be}}{{O}}[’']s? (?:[\w-]+ )?(?:{_KIN})"),
    ("FAMILY_OF", 0.9, rf"{{S}}[’']s? (?:[\w-]+ )?(?:{_KIN}),? {{O}}"),
    ("FAMILY_OF", 0.9, rf"{{S}} and (?:her|his|their) (?:[\w-]+ )?(?:{_KIN}),? {{O}}"),
    ("FAMILY_OF", 0.9, r"{S} (?:is |was |got )?(?:married to|married) {O}"),
    ("FAMILY_OF", 0.9, rf"(?P<s>{NAME}) and {_DESCRIPTION}(?P<o>{NAME}) are (?:{_KINDS})\b"),
    ("TAUGHT", 0.9, r"{S}(?:,? who)? {have}(?:taught|teaches|mentored|mentors|trained|coached|coaches) {O}"),
    ("TAUGHT", 0.9, r"{O}(?:,? who)? {have}(?:learned|learnt|learns|studied|studies)(?: (?:[\w-]+ ){0,4}?)(?:from|under|with) {S}"),
    ("TAUGHT", 0.9, r"{O} {be}(?:taught|mentored|trained|coached|apprenticed)(?: [\w ]+?)? (?:by|to|under) {S}"),
    ("TAUGHT", 0.9, r"{O}[’']s? (?:[\w-]+ )?(?:teacher|mentor|tutor|coach|professor|master)(?:,| was| is)? {S}"),
    ("TAUGHT", 0.9, r"{S} {be}{O}[’']s? (?:[\w-]+ )?(?:teacher|mentor|tutor|coach)"),
    ("TAUGHT", 0.9, r"{S}[’']s? (?:[\w-]+ )?(?:student|pupil|apprentice|protégée?),? {O}"),
    ("TAUGHT", 0.9, r"{O}(?:, | {be})(?:the |a |an )?(?:[\w-]+ )?(?:student|pupil|apprentice) of {S}"),
    ("ALSO_KNOWN_AS", 0.95, r"{S}(?:,| {be}|, who {be})? ?\(?(?:also |better |otherwise )?(?:known as|a\.k\.a\.|aka|alias|called) {O}"),
    ("ALSO_KNOWN_AS", 0.9, r"{S} {have}(?:performs?|performed|records|tours|writes|signs|posts) as {O}"),
)  # fmt: skip


def _named(group: str) -> str:
    return rf"(?P<{group.lower()}>{NAME})[\"”]?"


_MACROS = {
    "{S}": rf"{_DESCRIPTION}{_named('S')}",
    "{O}": rf"[\"“„]?{_DESCRIPTION}{_named('O')}",
    "{V}": f"(?P<o>{NAME})",
    "{T}": _TITLE,
    "{be}": _BE,
    "{have}": _HAVE,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: the groups `s` and `o` hold the names of subject and object."""

    type: str
    confidence: float
    regex: re.Pattern[str]
    employer: str | None = None


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return all patterns, compiled; the surer of two that fit the same names comes first."""
    found = [_compiled(*row) for row in _TABLE]
    return tuple(sorted(found, key=lambda pattern: -pattern.confidence))


def _compiled(kind: str, confidence: float, written: str) -> Pattern:
    # {E} is a name of an employer, {V} of a place to play at: a name that is no group.
    employer = None
    if "{E}" in written:
        employer = "s" if "{S}" not in written else "o"
        written = written.replace("{E}", f"(?P<{employer}>{NAME})")
    # What describes the first name needs no look, as a pattern may begin anywhere.
    text = re.sub(r"^\{([SO])\}", lambda found: _named(found[1]), written)
    text = re.sub(r"\{(?:[SOVT]|be|have)\}", lambda found: _MACROS[found[0]], text)
    return Pattern(kind, confidence, re.compile(text), employer)
