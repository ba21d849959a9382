"""The settings file of the user, in TOML; each part of it is read by the module that needs it (no torch).

`$XDG_CONFIG_HOME/prusc-tui/settings.toml`, or the file that $PRUSC_SETTINGS names.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from core.errors import InputError, nearest
from core.paths import expanded

KNOWN = ("theme", "keys", "notify", "slurm")
"""Names at the top of the file."""


def settings_path() -> Path:
    """Return the settings file."""
    if named := os.environ.get("PRUSC_SETTINGS"):
        return expanded(named)
    from platformdirs import user_config_dir

    return Path(user_config_dir("prusc-tui", appauthor=False)) / "settings.toml"


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file; it is empty if missing.

    Raises:
        InputError: it cannot be read, is not TOML, or has an unknown name at the top.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
    for name in found:
        if name not in KNOWN:
            raise InputError(f"{path}: unknown setting '{name}'{nearest(name, list(KNOWN))}")
    return found
