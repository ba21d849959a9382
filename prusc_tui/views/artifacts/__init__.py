"""View artifacts: the files of a run."""

from prusc_tui.keys import Key
from prusc_tui.views import View

VIEW = View(
    "artifacts",
    8,
    "files and their sizes",
    keys=(Key("artifacts.copy", "enter", "copy_path", "copy path", "copy the path of the file", True),),
    short="files",
)
