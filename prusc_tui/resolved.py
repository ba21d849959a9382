"""The settings of a run and their defaults: what differs, who set it, and what each setting means."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.results.settings import ABSENT, show
from core.runs.record import RunRecord


@dataclass(frozen=True, slots=True)
class Resolved:
    """One setting of a run, as one would type it after `--set`.

    Attributes:
        value: a dash if the run does not have it.
        default: empty if this version does not have the setting, as is `help`.
        by_hand: whether the user set it for this run.
        expects: valid values.
        about: description of its section.
    """

    key: str
    value: str
    default: str = ""
    differs: bool = False
    by_hand: bool = False
    help: str = ""
    expects: str = ""
    about: str = ""

    @property
    def section(self) -> str:
        """First part of the key; empty for a key without a section."""
        return self.key.partition(".")[0] if "." in self.key else ""

    @property
    def known(self) -> bool:
        """Whether this version has such a setting."""
        return bool(self.help or self.default)


def resolve(record: RunRecord) -> tuple[Resolved, ...]:
    """All settings of a run in the order of the model, then those that only the run has.

    Imports pydantic: call off the event loop. Settings of newer and older versions are accepted.
    """
    from core.config import config_model, data_sets, flatten
    from prusc_tui.schema import section_help, settings_of

    ours = dict(flatten(dict(record.config)))
    overrides = dict(flatten(dict(record.overrides)))
    section = record.config.get("data")
    data = data_sets().get(str(section.get("name") if isinstance(section, Mapping) else None))
    plain = config_model()()
    base: dict[str, Any] = plain.model_dump(mode="json") | {"data": data().model_dump(mode="json") if data else {}}
    defaults = dict(flatten(base))
    fields = settings_of(data or type(plain.data))
    # Of a data set of another version no defaults are known.
    model = {setting.key: setting for setting in fields if data or not setting.key.startswith("data.")}
    about = section_help(data or type(plain.data))
    found = []
    for key in (*model, *(key for key in ours if key not in model)):
        setting, value, default = model.get(key), ours.get(key, ABSENT), defaults.get(key, ABSENT)
        found.append(
            Resolved(
                key=key,
                value=show(value),
                default="" if default is ABSENT else show(default),
                differs=value is not ABSENT and (default is ABSENT or show(value) != show(default)),
                by_hand=key in overrides,
                help=setting.help if setting is not None else "",
                expects=setting.expects if setting is not None else "",
                about=about.get(key.partition(".")[0], ""),
            )
        )
    return tuple(found)


def facts(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Labels and texts of what else is known of a run."""
    pairs = (
        ("name", record.name),
        ("id", record.id),
        ("recipe", record.recipe),
        ("preset", record.preset),
        ("forked from", record.forked_from),
        ("created", _time(record.created)),
        ("started", _time(record.started)),
        ("ended", _time(record.ended)),
        ("device", record.device),
        ("precision chosen", record.precision),
        ("host", record.host),
        ("process", None if record.pid is None else str(record.pid)),
        ("version", record.version),
        ("tags", ", ".join(record.tags)),
        ("note", record.note),
    )
    return tuple((label, text) for label, text in pairs if text)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
