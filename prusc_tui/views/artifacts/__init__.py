"""View artifacts: the files of a run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prusc_tui.keys import Key
from prusc_tui.views import View

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from prusc_tui.widgets.panel import Panel


def _panel(folder: "RunFolder", _clock: Callable[[], float]) -> "Panel":
    from prusc_tui.views.artifacts.panel import ArtifactsPanel

    return ArtifactsPanel(folder)


VIEW = View(
    "artifacts",
    8,
    "files and their sizes",
    _panel,
    keys=(Key("artifacts.copy", "enter", "copy_path", "copy path", "copy the path of the file", True),),
    short="files",
)
