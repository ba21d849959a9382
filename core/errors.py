"""Exceptions that end work early: bad input, a stage that cannot continue, a stop request."""

from difflib import get_close_matches


class InputError(Exception):
    """Bad input: one sentence that says what is wrong, where, and what to do. Exit code 2, nothing is written."""


class StageError(Exception):
    """A stage cannot continue: what happened and what to try. The run fails and keeps its files."""

    def __init__(self, what: str, try_: str) -> None:
        super().__init__(f"{what}; {try_}")


class Stopped(Exception):
    """Work was stopped on request; a stage has written its checkpoint before."""


def nearest(word: str, known: list[str]) -> str:
    """Return “; did you mean 'x'?” for the known word closest to `word`, or “” if none is close."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
