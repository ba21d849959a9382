"""Fields of a new run outside the config model: recipe, data, name, where and how it runs."""

from dataclasses import replace

from prusc_tui.screens.new_run.fields import Setting

HERE = "in this process"
"""Label of the launcher `local`."""
ON, OFF = "true", "false"

DEFAULTS = {"name": "", "tags": "", "device": "auto", "start": "detached", "fresh": OFF}
"""Key → initial value; recipe, preset and stage have none."""

RUN_FIELDS: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("recipe", "", "choice", "Which stages to run."),
        Setting("preset", "", "choice", "Preset that provides data and values."),
        Setting("stage", "", "choice", "Stages up to this one are taken over from the other run unchanged."),
        Setting("name", "", "text", "Name of the run; must be new.", expects="a name"),
        Setting("tags", "", "list", "Labels for the run log.", expects="words separated by commas or spaces"),
        Setting(
            "device",
            "",
            "text",
            "Where to compute; auto takes the first GPU that is free.",
            expects="auto, cpu or cuda:N",
        ),
        Setting("start", "", "choice", "Which process runs it."),
        Setting("fresh", "", "switch", "Compute every stage, even if another run has its result."),
    )
}
"""Key → field, in the order of the form."""


def with_choices(key: str, choices: tuple[str, ...], help: str = "") -> Setting:
    """The field with its current choices."""
    setting = RUN_FIELDS[key]
    return replace(setting, choices=choices, help=help or setting.help)


def places() -> tuple[tuple[str, ...], str]:
    """Choices of the field `start`, the default first, with their descriptions."""
    from experiments.launchers import launcher, names

    choices = {HERE if name == "local" else name: launcher(name).summary for name in names()}
    first = sorted(choices, key=lambda choice: choice != DEFAULTS["start"])
    return tuple(first), " ".join(f"{choice.capitalize()}: {choices[choice]}" for choice in first)


def launcher_of_choice(choice: str) -> str:
    """Name of the launcher for a choice of the field `start`."""
    return "local" if choice == HERE else choice
