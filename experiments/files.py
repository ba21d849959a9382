"""Files named in settings: checked before a run is created, and stored with absolute paths."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.config import Config
from core.data.settings import Photos
from core.errors import InputError
from core.paths import expanded
from core.stages.true_groups import TakeTrueGroups, require_attributes
from experiments import finders
from experiments.recipes import get_recipe

if TYPE_CHECKING:
    from core.data.dataset import DataSet

NO_FILE = ("", "none", "imagenet")
"""Values of a setting for a file that name none."""


def check_files(config: Config, load: "Callable[[], DataSet]", taken: Sequence[str] = ()) -> None:
    """Check that every file that the stages will read exists and fits, and has what they need; imports torch.

    `load` is called only for bundled data, so that no image is decoded; stages in `taken` no longer need their files.
    Raises InputError if a file is missing or does not fit, or no stage of the recipe reads it.
    """
    recipe = get_recipe(config.recipe)
    stages = recipe.stage_names(config)
    for key, file, stage in (
        ("model.checkpoint", config.model.checkpoint, "erm"),
        ("find.file", config.find.file, "find"),
    ):
        if file and stage not in stages:
            raise InputError(f"{key}: recipe '{recipe.name}' has no stage '{stage}' to read it")
        if file and not recipe.reads(config, key):
            raise InputError(f"{key}: recipe '{recipe.name}' does not read it")
    if "erm" in stages and "erm" not in taken and (config.model.checkpoint or config.model.weights != "none"):
        _check_network(config, load)
    if config.find.file and "find" not in taken:
        from core.finding.table import read_groups
        from core.stages.groups_file import split_rows

        table = read_groups(Path(config.find.file), split_rows(config.data, load))
        if table.validation is None and config.select.rule == "worst-cell":
            raise InputError(
                f"{config.find.file}: has no validation images, whose pseudo-groups select.rule=worst-cell needs; add "
                "them, or take another rule, such as average"
            )
    if TakeTrueGroups.name in stages and TakeTrueGroups.name not in taken and isinstance(config.data, Photos):
        from core.data.table import read_table

        require_attributes(config.data.name, read_table(config.data).attribute_values)


def missing_paths(config: Config) -> dict[str, str]:
    """Dotted key → what is wrong with its path; contents are checked when the run starts."""
    found = {}
    if isinstance(config.data, Photos):
        if config.data.missing:
            found["data.root"] = config.data.missing
        elif why := _missing(config.data.root, "folder"):
            found["data.root"] = why
    if config.find.by == finders.FILE and not config.find.file:
        found["find.file"] = "needs the table of the pseudo-groups"
    files = {
        "model.weights": config.model.weights,
        "model.checkpoint": config.model.checkpoint,
        "find.file": config.find.file,
    }
    for key, file in files.items():
        if file not in NO_FILE and (why := _missing(file, "file")):
            found[key] = why
    return found


def whole_paths(config: Config) -> Config:
    """The same settings with absolute paths, as a run may be resumed from another folder."""
    model, find, data = config.model, config.find, config.data
    weights = model.weights if model.weights in NO_FILE else _whole(model.weights)
    changed: dict[str, object] = {
        "model": model.model_copy(update={"weights": weights, "checkpoint": _whole(model.checkpoint)}),
        "find": find.model_copy(update={"file": _whole(find.file)}),
    }
    if isinstance(data, Photos):
        changed["data"] = data.model_copy(update={"root": _whole(data.root)})
    return config.model_copy(update=changed)


def _check_network(config: Config, load: "Callable[[], DataSet]") -> None:
    from core.models.checkpoint import Misfit, fit_file, network_of
    from core.models.networks import likely, outline
    from core.models.weights import check_start

    model, shapes = config.model, _shapes(config, load)
    try:
        if model.checkpoint:
            fit_file(Path(model.checkpoint), outline(model.name, *shapes))
        else:
            check_start(outline(model.name, *shapes), model)
    except Misfit as error:
        if model.weights == "imagenet" and not model.checkpoint:
            raise
        others = (name for name in likely(shapes[1]) if name != model.name)
        named = network_of(Path(model.checkpoint or model.weights), ((name, outline(name, *shapes)) for name in others))
        raise (InputError(f"{error}={named}, which it fits") if named else error) from None


def _shapes(config: Config, load: "Callable[[], DataSet]") -> tuple[int, int, tuple[int, int]]:
    """Labels, channels, and height and width that the network sees."""
    data = config.data
    if not isinstance(data, Photos):
        made = load()
        channels, height, width = made.splits["train"].images.shape[1:]
        return len(made.label_names), channels, (height, width)
    from core.data.table import read_table

    return data.n_classes or len(read_table(data).label_names), 3, (data.size, data.size)


def _missing(text: str, kind: Literal["file", "folder"]) -> str:
    """What is wrong with the path of a file or folder; empty if it is there."""
    try:
        path = expanded(text)
        found = "folder" if path.is_dir() else "file" if path.is_file() else ""
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if found == kind else f"is a {found}, not a {kind}" if found else f"no such {kind}"


def _whole(path: str) -> str:
    return str(Path.cwd() / expanded(path)) if path else ""
