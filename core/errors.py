"""Why work ends early: bad input, a stage that cannot go on, a request to stop."""

from difflib import get_close_matches


class InputError(Exception):
    """Bad input: one sentence that says what, where and what to do. Exit code 2, nothing written."""


class StageError(Exception):
    """A stage that cannot go on: what happened and what to try. The run fails, and keeps what it wrote."""

    def __init__(self, what: str, try_: str) -> None:
        super().__init__(f"{what}; {try_}")


class Stopped(Exception):
    """Work stopped because it was asked to; a stage has written its checkpoint by then."""


def nearest(word: str, known: list[str]) -> str:
    """Return “; did you mean 'x'?” for the known word closest to `word`, or “” where none is close."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
