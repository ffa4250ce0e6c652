"""Filters: documentation, "Filter expression reference" and "Known limitations"."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.engines.meilisearch_double.errors import ApiError

Document = Mapping[str, Any]
Test = Callable[[Document], bool]
_TOKEN = re.compile(r"""\s*(?:("[^"]*"|'[^']*')|(>=|<=|!=|[=<>()\[\],])|([\w\-./]+))""")
_LONGEST_VALUE = 468
_DEEPEST_ARRAY = 2


def compiled(wanted: object, filterable: Sequence[str], code: str) -> Test:
    """Return what says whether a document passes; `ApiError` of `code` for a wrong filter."""
    if wanted is None:
        return lambda _document: True
    return _of(wanted, filterable, code, _DEEPEST_ARRAY)


def _of(wanted: object, filterable: Sequence[str], code: str, depth: int) -> Test:
    if isinstance(wanted, str):
        return _Parser(wanted, filterable, code).whole()
    if not isinstance(wanted, list) or not depth:
        raise ApiError(code, "Invalid syntax for the filter parameter: expected a string or array.")
    parts = [_of(part, filterable, code, depth - 1) for part in wanted]
    # The outer array is joined by AND, the inner ones by OR.
    how = all if depth == _DEEPEST_ARRAY else any
    return lambda document: how(part(document) for part in parts)


class _Parser:
    """One expression, read from left to right."""

    def __init__(self, text: str, filterable: Sequence[str], code: str) -> None:
        self._text, self._filterable, self._code = text, filterable, code
        self._tokens = list(self._apart(text))
        self._at = 0

    def whole(self) -> Test:
        found = self._either()
        if self._at < len(self._tokens):
            raise self._fault(f"unexpected `{self._tokens[self._at]}`")
        return found

    def _apart(self, text: str) -> Iterator[str]:
        at, text = 0, text.rstrip()
        while at < len(text):
            if not (found := _TOKEN.match(text, at)):
                raise self._fault(f"unexpected characters at {at}")
            yield found[0].strip()
            at = found.end()

    def _fault(self, why: str) -> ApiError:
        return ApiError(self._code, f"Was expecting an operation; {why} in `{self._text}`.")

    def _next(self) -> str:
        self._at += 1
        if self._at > len(self._tokens):
            raise self._fault("it ends too soon")
        return self._tokens[self._at - 1]

    def _takes(self, *words: str) -> bool:
        found = tuple(self._tokens[self._at : self._at + len(words)]) == words
        self._at += len(words) if found else 0
        return found

    def _either(self) -> Test:
        parts = [self._both()]
        while self._takes("OR"):
            parts.append(self._both())
        return lambda document: any(part(document) for part in parts)

    def _both(self) -> Test:
        parts = [self._single()]
        while self._takes("AND"):
            parts.append(self._single())
        return lambda document: all(part(document) for part in parts)

    def _single(self) -> Test:
        if self._takes("NOT"):
            denied = self._single()
            return lambda document: not denied(document)
        if self._takes("("):
            inner = self._either()
            if self._next() != ")":
                raise self._fault("a parenthesis is not closed")
            return inner
        return self._condition()

    def _condition(self) -> Test:
        attribute = self._next().strip("\"'")
        if attribute not in self._filterable:
            known = ", ".join(self._filterable) or "none"
            raise ApiError(
                self._code,
                f"Attribute `{attribute}` is not filterable. Available filterable attributes "
                f"patterns are: `{known}`.",
            )
        denied = self._takes("NOT")
        test = self._test(attribute)
        return (lambda document: not test(document)) if denied else test

    def _test(self, attribute: str) -> Test:
        if self._takes("EXISTS"):
            return lambda document: attribute in document
        if self._takes("IN", "["):
            values = self._values()
            return lambda document: any(_equal(document, attribute, value) for value in values)
        operator = self._next()
        if operator in ("=", "!="):
            value = self._next()
            same = operator == "="
            return lambda document: _equal(document, attribute, value) == same
        if operator in _ORDERS:
            return _compared(attribute, operator, self._next())
        if self._takes("TO"):
            low, high = operator, self._next()
            lower, upper = _fits(">=", low), _fits("<=", high)
            return lambda document: any(
                lower(value) and upper(value) for value in _values_of(document, attribute)
            )
        raise self._fault(f"unknown operator `{operator}`")

    def _values(self) -> list[str]:
        found: list[str] = []
        while (token := self._next()) != "]":
            found.append(token)
            if self._takes("]"):
                break
            if self._next() != ",":
                raise self._fault("a comma is missing")
        return found


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}


def _compared(attribute: str, operator: str, text: str) -> Test:
    fits = _fits(operator, text)
    return lambda document: any(fits(value) for value in _values_of(document, attribute))


def _fits(operator: str, text: str) -> Callable[[object], bool]:
    order, number, plain = _ORDERS[operator], _number(text), _normal(text.strip("\"'"))

    def fits(value: object) -> bool:
        if isinstance(value, str):
            return order(_kept(value), plain)
        return number is not None and order(float(str(value)), number)

    return fits


def _equal(document: Document, attribute: str, text: str) -> bool:
    number, plain = _number(text), _normal(text.strip("\"'"))
    return any(
        _kept(value) == plain if isinstance(value, str) else float(str(value)) == number
        for value in _values_of(document, attribute)
    )


def _values_of(document: Document, attribute: str) -> list[object]:
    value = document.get(attribute)
    values = value if isinstance(value, list) else [value]
    return [part for part in values if isinstance(part, str | int | float)]


def _kept(text: str) -> str:
    whole = _normal(text).encode()
    return whole[:_LONGEST_VALUE].decode(errors="ignore")


def _normal(text: str) -> str:
    # Comparisons do not regard case.
    return unicodedata.normalize("NFKD", text.strip()).lower()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
