"""Make untrusted text safe: for terminals, JSON and CSV.

For Markdown and LaTeX, see `prusc_tui.tables.grid`, for HTML and SVG `prusc_tui.html.markup`.
"""

import re

# C0, DEL, C1, line and paragraph separators, bidi marks and overrides, lone surrogates
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FORMULA = re.compile(r"'*[=+\-@]")


def safe_text(text: str) -> str:
    r"""Replace every character that could move the cursor or reverse the text by a visible escape such as `\x1b`.

    Markup in square brackets is not changed; callers must escape it if necessary.
    """
    return _UNSAFE.sub(_escape, text)


def safe_json(text: str) -> str:
    """JSON that says the same without a character that `safe_text` would escape, but for its own line breaks."""
    return _UNSAFE.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def safe_cell(value: object) -> object:
    """A value for CSV: text is safe, and begins with an apostrophe where a spreadsheet would take it for a formula."""
    if not isinstance(value, str):
        return value
    text = safe_text(value)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def bare_cell(text: str) -> str:
    """A cell without the apostrophe that `safe_cell` has put before it."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text


def without_controls(text: str) -> str:
    """Text without the characters that `safe_text` escapes, none of which takes a cell of a terminal."""
    return _UNSAFE.sub("", text)


def as_file_name(text: str) -> str:
    """A text as the name of a file: letters, digits and `-_.` are kept; empty if nothing is left."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in safe_text(text)).strip(".")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
