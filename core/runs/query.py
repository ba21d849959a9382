"""The query language for runs in the command line and the TUI: `recipe=prusc and wga>80% not tag:old`.

    query    = any number of terms; white space and `and` mean and; `or` binds weaker, `not` stronger; ( ) group
    term     = word | field operator value
    operator = != > >= < <= and = (equal), ~ (contains), : (contains for text, equal for everything else)

A bare word is searched in id, name, note, tags, recipe and data. Quotes allow white space and operators in a word.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.errors import InputError, nearest
from core.runs.fields import FIELDS, Summary, Test, condition, contains, field_named, text_of
from core.runs.log import LAST, RunLog
from core.runs.text import safe_text

_TOKEN = re.compile(
    r"""\s*(?:(?P<parenthesis>[()])
    | (?P<operator>!=|>=|<=|==|[=<>~:])
    | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
    | (?P<word>(?!["'])(?:[^\s()=<>~:!]|!(?!=))+))""",
    re.VERBOSE,
)
# After an operator, only white space and parentheses end a value: forked_from=k3v9x2ab:erm
_VALUE = re.compile(r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>(?!["'])[^\s()]+))""")
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed filter.

    Attributes:
        text: as typed.
        matches: whether it matches a run, given as its `RunRecord.summary`.
    """

    text: str
    matches: Test


def parse(text: str) -> Query:
    """Parse a filter; an empty one matches every run.

    Raises InputError with the column, and the closest name for an unknown field.
    """
    if not text.strip():
        return Query(text, lambda _: True)
    return Query(text, _Parser(text).parse())


def sort(summaries: Iterable[Summary], key: str) -> list[Summary]:
    """Sort runs by a field, with `-field` in descending order; runs without a value always come last."""
    name = key.removeprefix("-")
    field = FIELDS[field_named(name, f"sort by '{safe_text(key)}'")]
    present: list[tuple[Any, Summary]] = []
    missing: list[Summary] = []
    for summary in summaries:
        value = field.read(summary)
        if value is None or value == "" or value == []:
            missing.append(summary)
        else:
            present.append((text_of(value) if field.textual else value, summary))
    present.sort(key=lambda row: row[0], reverse=key.startswith("-"))
    return [summary for _, summary in present] + missing


def resolve(log: RunLog, ref: str) -> str:
    """Find the id of the run for an id, `last` (the newest), a name, or the beginning of an id.

    Raises InputError if no run or several runs match.
    """
    runs = log.all()
    if ref == LAST and runs:
        return str(runs[0]["id"])
    for field in ("id", "name"):
        for run in runs:
            if run[field] == ref:
                return str(run["id"])
    ids = [str(run["id"]) for run in runs if ref and run["id"].startswith(ref)]
    if len(ids) == 1:
        return ids[0]
    if ids:
        shown = ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
        raise InputError(f"'{safe_text(ref)}' matches several runs: {shown}; type more of the id")
    if not runs:
        raise InputError(f"no run '{safe_text(ref)}': there are no runs in {log.home.root} yet")
    hint = nearest(ref, [str(run["name"]) for run in runs])
    raise InputError(f"no run '{safe_text(ref)}'{safe_text(hint)} ('prusc ls' lists all runs)")


class _Token(NamedTuple):
    """A token of a filter at column `at`, counted from 1; `kind` is a group of _TOKEN, or `end`."""

    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


class _Parser:
    """Recursive descent parser with one method per level of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._at = 0
        self._depth = 0
        self._next = self._read(_TOKEN)

    def parse(self) -> Test:
        test = self._or()
        if self._next.kind != "end":
            raise self._error("unexpected ')'", self._next)
        return test

    def _or(self) -> Test:
        tests = [self._and()]
        while self._next.is_word("or"):
            self._take()
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda summary: any(test(summary) for test in tests)

    def _and(self) -> Test:
        tests = [self._not()]
        while not (self._next.kind == "end" or self._next[:2] == ("parenthesis", ")") or self._next.is_word("or")):
            if self._next.is_word("and"):
                self._take()
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda summary: all(test(summary) for test in tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("too deeply nested", self._next)
        if self._next.is_word("not"):
            self._take()
            test = _negated(self._not())
        else:
            test = self._term()
        self._depth -= 1
        return test

    def _term(self) -> Test:
        token = self._take()
        if token.kind == "end":
            raise self._error("unexpected end", token)
        if token.kind == "operator":
            raise self._error(f"'{token.text}' needs a field before it, such as wga{token.text}0.8", token)
        if token.kind == "parenthesis":
            if token.text == ")":
                raise self._error("unexpected ')'", token)
            test = self._or()
            if self._next.text != ")":
                raise self._error("this '(' is never closed", token)
            self._take()
            return test
        if self._next.kind == "operator":
            return self._comparison(token)
        if token.is_word("and", "or"):
            raise self._error(f"'{token.text}' needs a term on both sides", token)
        return contains(token.text)

    def _comparison(self, field: _Token) -> Test:
        name = field_named(field.text, f"filter, column {field.at}")
        operator = self._next
        value = self._read(_VALUE)
        if value.kind == "end":
            raise self._error(f"'{operator.text}' needs a value after it", operator)
        self._next = self._read(_TOKEN)
        try:
            return condition(name, "=" if operator.text == "==" else operator.text, value.text)
        except ValueError as error:
            raise self._error(str(error), value) from None

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = self._read(_TOKEN)
        return token

    def _read(self, pattern: re.Pattern[str]) -> _Token:
        if self._at == len(self._text):
            return _Token("end", "", self._at + 1)
        match = pattern.match(self._text, self._at)
        if match is None or match.lastgroup is None:
            rest = self._text[self._at :].lstrip()
            at = len(self._text) - len(rest) + 1
            what = "this quote is never closed" if rest[0] in "\"'" else f"unexpected '{safe_text(rest[0])}'"
            raise self._error(what, _Token("", rest, at))
        self._at = match.end()
        return _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)

    @staticmethod
    def _error(what: str, token: _Token) -> InputError:
        return InputError(f"filter, column {token.at}: {what}")


def _negated(test: Test) -> Test:
    return lambda summary: not test(summary)
