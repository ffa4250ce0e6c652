"""What counts as an answer, a clean refusal, a wrong answer and a lost write."""

import httpx
import pytest

from cluster.chaos.ledger import Entry, Ledger, is_clean, outcome_of, outcomes, unanswered
from cluster.chaos.material import BOOKS, Json, Notes, book_fault, note_fault
from serve_apps.problems import MEDIA_TYPE, OVERLOADED

ANSWERED = Entry("search", 1.0, 2.0, "answered")
REFUSED = Entry("write", 2.0, 0.1, "refused cleanly")


def test_a_ledger_counts_what_was_under_way() -> None:
    ledger = Ledger([ANSWERED, REFUSED])
    assert ledger.since(2.5) == [ANSWERED]
    assert unanswered(ledger.entries) == [REFUSED]
    assert outcomes(ledger.entries) == {"search: answered": 1, "write: refused cleanly": 1}


def refusal(**changes: object) -> httpx.Response:
    given: dict[str, object] = {
        "status_code": 503,
        "headers": {"content-type": MEDIA_TYPE, "retry-after": "1"},
        "json": {"type": OVERLOADED.uri},
    }
    return httpx.Response(**(given | changes))  # type: ignore[arg-type]


def test_a_refusal_is_clean_if_it_says_why_and_when_to_come_back() -> None:
    assert is_clean(refusal())
    assert not is_clean(refusal(status_code=500))
    assert not is_clean(refusal(headers={"content-type": MEDIA_TYPE}))
    assert not is_clean(refusal(headers={"content-type": "text/plain", "retry-after": "1"}))
    assert not is_clean(refusal(json={"type": "about:blank"}))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError(""), "not connected"),
        (httpx.ConnectTimeout(""), "not connected"),
        (httpx.ReadTimeout(""), "timed out"),
        (httpx.RemoteProtocolError(""), "broken off"),
    ],
)
def test_requests_without_an_answer(error: httpx.HTTPError, outcome: str) -> None:
    assert outcome_of(error) == outcome


def answer(*names: str, degraded: str = "", version: int = 7) -> Json:
    hits = [{"chunk_id": name, "text": BOOKS.get(name, f"text of {name}")} for name in names]
    missing = [{"stage": degraded, "reason": "late"}] if degraded else []
    return {"hits": hits, "degraded": missing, "index_version": version}


def test_the_book_must_come_first_unless_the_words_are_missing() -> None:
    assert book_fault("book1-0", answer("book1-0", "book2-0")) is None
    assert "not book1-0 first" in str(book_fault("book1-0", answer("book2-0", "book1-0")))
    assert book_fault("book1-0", answer("book2-0", degraded="lexical")) is None
    assert "nobody stored" in str(book_fault("book1-0", answer("strange-0", degraded="lexical")))


def test_a_note_must_be_found_as_it_was_written() -> None:
    assert note_fault("a-0", "text of a-0", 7, answer("b-0", "a-0")) is None
    assert note_fault("a-0", "newer text", 7, answer("a-0"))
    assert note_fault("a-0", "text of a-0", 8, answer("a-0"))
    assert note_fault("a-0", "text of a-0", 7, answer("b-0"))
    assert note_fault("a-0", "text of a-0", 7, answer("b-0", degraded="lexical")) is None


def test_an_acknowledged_write_is_lost_unless_a_later_attempt_took_its_place() -> None:
    notes = Notes()
    notes.begin("a-0", "one")
    assert notes.fault("a-0", None) is None
    notes.acknowledge("a-0", "one")
    assert notes.fault("a-0", "one") is None
    assert "acknowledged as 'one' and is None" in str(notes.fault("a-0", None))
    notes.begin("a-0", "two")
    assert notes.fault("a-0", "two") is None
    assert notes.fault("a-0", "three")
