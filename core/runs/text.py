"""Make untrusted text safe for terminals."""

import re

# C0, DEL, C1, line and paragraph separators, bidi marks and overrides, lone surrogates
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def safe_text(text: str) -> str:
    r"""Replace every character that could move the cursor or reverse the text by a visible escape such as `\x1b`.

    Markup in square brackets is not changed; callers must escape it if necessary.
    """
    return _UNSAFE.sub(_escape, text)


def as_file_name(text: str) -> str:
    """A text as the name of a file: letters, digits and `-_.` are kept; empty if nothing is left."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in safe_text(text)).strip(".")


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
