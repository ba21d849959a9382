"""User settings of the screen, in the settings file (`experiments.user_settings`): theme, keys and notifications.

theme = "paper"

[keys]
"life.stop" = "ctrl+x"

[notify]
terminal = true
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import InputError, nearest
from experiments.notify import Notify, checked_notify
from experiments.user_settings import read_toml


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the screen: a theme, id of a key → keys, as Textual names them, and what happens when a run ends."""

    theme: str = "ink"
    keys: Mapping[str, str] = field(default_factory=dict)
    notify: Notify = field(default_factory=Notify)


def read_settings(path: Path) -> Settings:
    """Read the settings; a missing file gives the defaults.

    Raises:
        InputError: what is wrong, with file and key, and the nearest name for an unknown one.
    """
    return _checked(read_toml(path), str(path))


def _checked(found: Mapping[str, Any], where: str) -> Settings:
    from prusc_tui.keymap import check_keymap
    from prusc_tui.themes import NAMES

    theme, keys = found.get("theme", Settings().theme), found.get("keys", {})
    if theme not in NAMES:
        raise InputError(f"{where}: unknown theme '{theme}'{nearest(str(theme), list(NAMES))}")
    if not isinstance(keys, dict):
        raise InputError(f"{where}: keys must be a table, as in [keys]")
    notify = checked_notify(found.get("notify", {}), f"{where}, [notify]")
    return Settings(theme, check_keymap(keys, f"{where}, [keys]"), notify)


def remember_theme(path: Path, theme: str) -> None:
    """Write the theme into the settings file; everything else in it, comments included, stays as it is.

    Raises:
        InputError: the file cannot be written.
    """
    from core.runs.disk import write_whole

    line = f'theme = "{theme}"'
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        top = next((i for i, text in enumerate(lines) if text.lstrip().startswith("[")), len(lines))
        named = [i for i in range(top) if lines[i].partition("=")[0].strip() == "theme"]
        if named:
            lines[named[0]] = line
        else:
            lines.insert(0, line)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, ("\n".join(lines) + "\n").encode())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
