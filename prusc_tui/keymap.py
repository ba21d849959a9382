"""Every key of the screen in one table: those of `prusc_tui.keys` and of the views.

The help screen, the palette and the user's keymap are made from this table. A keymap names keys by `id`.
"""

from collections.abc import Mapping

from core.errors import InputError, nearest
from prusc_tui import keys
from prusc_tui.keys import Key
from prusc_tui.views import views

# The digits of the views come before the keys for the next and previous view.
_TURN = next(place for place, key in enumerate(keys.KEYS) if key.id == "run.next_view")
KEYS: tuple[Key, ...] = (
    *keys.KEYS[:_TURN],
    *(view.key for view in views()),
    *keys.KEYS[_TURN:],
    *(key for view in views() for key in view.keys),
)
AREAS: dict[str, str] = {}
"""Area → title on the help screen: those of `prusc_tui.keys`, with those of the views after `run`."""
for _area, _title in keys.AREAS.items():
    AREAS[_area] = _title
    if _area == "run":
        AREAS |= {view.name: view.name.capitalize() for view in views() if any(key.area == view.name for key in KEYS)}


def check_keymap(keymap: Mapping[str, object], where: str) -> dict[str, str]:
    """Return the keymap of a settings file, checked: id → keys.

    Raises:
        InputError: an unknown id (with the nearest one), or a value that is not text.
    """
    by_id = {key.id: key for key in KEYS}
    checked: dict[str, str] = {}
    for named, given in keymap.items():
        id = named if named in by_id else named.replace("clusters", "groups")  # the view's name in earlier versions
        if id not in by_id:
            raise InputError(f"{where}: unknown key '{named}'{nearest(named, list(by_id))}")
        if not isinstance(given, str) or not given.strip():
            raise InputError(f"{where}: '{id}' needs the name of a key, as in {id} = \"{by_id[id].keys}\"")
        checked[id] = given
    return checked
