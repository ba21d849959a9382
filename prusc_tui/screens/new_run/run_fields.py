"""Fields of a new run that are no settings of the config model: recipe, data, name, where and how it runs."""

from dataclasses import replace

from prusc_tui.screens.new_run.fields import Setting

DETACHED, HERE = "detached", "in this process"
ON, OFF = "true", "false"

DEFAULTS = {"name": "", "tags": "", "device": "auto", "start": DETACHED, "fresh": OFF}
"""Key → what stands in it at first; recipe, preset and stage have no value of their own."""

RUN_FIELDS: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("recipe", "", "choice", "Which stages are run."),
        Setting("preset", "", "choice", "Preset whose data and values the recipe takes."),
        Setting("stage", "", "choice", "The stages up to this one are taken over from the other run as they are."),
        Setting("name", "", "text", "Name of the run; must be new.", expects="a name"),
        Setting("tags", "", "list", "Labels for the run log.", expects="words with commas or spaces between"),
        Setting(
            "device",
            "",
            "text",
            "Where to compute; auto takes the first GPU that is free.",
            expects="auto, cpu or cuda:N",
        ),
        Setting(
            "start",
            "",
            "choice",
            "Detached: a process of its own, which outlives this screen and the connection. In this process: ends with "
            "the screen, with a checkpoint.",
            choices=(DETACHED, HERE),
        ),
        Setting("fresh", "", "switch", "Compute every stage, even if another run has its result."),
    )
}
"""Key → field, in the order of the form."""


def with_choices(key: str, choices: tuple[str, ...], help: str = "") -> Setting:
    """The field with what can be chosen now."""
    setting = RUN_FIELDS[key]
    return replace(setting, choices=choices, help=help or setting.help)
