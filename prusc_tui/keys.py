"""The keys of the screens and of the charts: name, action, help, and whether the footer shows them.

A view declares its own; `prusc_tui.keymap` is the table of all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        id: `area.what`, as a keymap names it.
        keys: Textual names of the keys, separated by commas.
        action: the action of the screen or panel that has the area.
        label: for the footer: a word or two.
        help: for the help screen: a sentence without a full stop.
        shown: whether the footer shows it.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    shown: bool = False

    @property
    def area(self) -> str:
        """Part of the id before the point."""
        return self.id.partition(".")[0]


AREAS: dict[str, str] = {
    "app": "Everywhere",
    "runs": "Runs",
    "life": "The selected or open run",
    "run": "One run",
    "compare": "Compare",
    "new": "New run",
    "data": "Data",
    "queue": "Queue",
    "sweeps": "Sweeps",
    "sweep": "One sweep",
}
"""Area → title on the help screen; views have areas of their own."""

KEYS: tuple[Key, ...] = (
    Key("app.help", "question_mark,f1", "app.help", "help", "show all keys", True),
    Key("app.palette", "ctrl+p", "app.command_palette", "palette", "find a command by name"),
    Key("app.theme", "T", "app.next_theme", "theme", "next theme; the palette lists them all"),
    Key("app.picture", "f12", "app.picture", "picture", "save the screen as an SVG picture"),
    Key("app.quit", "ctrl+q,ctrl+c", "app.leave", "quit", "quit; detached runs keep running"),
    Key("runs.open", "enter", "open", "open", "open the run", True),
    Key("runs.new", "n", "new", "new", "start a new run", True),
    Key("runs.filter", "slash", "filter", "filter", "filter as you type: recipe:prusc wga>0.8 tag:paper text", True),
    Key("runs.clear", "escape", "clear", "clear", "clear filter, then marks"),
    Key("runs.mark", "space", "mark", "mark", "mark the run and move to the next", True),
    Key("runs.mark_all", "a", "mark_all", "mark all", "mark or unmark all listed runs"),
    Key("runs.compare", "c", "compare", "compare", "compare the marked runs", True),
    Key("runs.sort_next", "greater_than_sign", "sort(1)", "sort", "sort by the next column"),
    Key("runs.sort_previous", "less_than_sign", "sort(-1)", "sort", "sort by the previous column"),
    Key("runs.reverse", "o", "reverse", "reverse", "reverse the sort order"),
    Key("runs.side", "i", "toggle_side", "side panel", "show or hide the side panel"),
    Key("runs.data", "d", "data", "data", "inspect the data sets"),
    Key("runs.queue", "Q", "queue", "queue", "the queue of this machine, and its GPUs"),
    Key("runs.sweeps", "s", "sweeps", "sweeps", "sweeps over settings and seeds"),
    Key("runs.quit", "q", "app.leave", "quit", "quit; detached runs keep running", True),
    Key("life.stop", "S", "stop", "stop", "stop at the next step, with a checkpoint"),
    Key("life.kill", "K", "kill", "kill", "kill a worker that does not answer; R resumes the run"),
    Key("life.resume", "R", "resume", "resume", "resume from the last checkpoint"),
    Key("life.fork", "F", "fork", "fork", "start a new run from this one"),
    Key("life.rename", "r", "rename", "rename", "rename it"),
    Key("life.tag", "t", "tag", "tags", "change its tags"),
    Key("life.note", "N", "note", "note", "write a note"),
    Key("life.export", "x", "export", "export", "write tables and the network to a folder"),
    Key("life.delete", "D", "delete", "delete", "delete it and all its files; asks first"),
    Key("life.copy_id", "y", "copy_id", "copy id", "copy its id"),
    Key("run.back", "escape,q", "back", "back", "back to the runs", True),
    Key("run.next_view", "right_square_bracket", "turn(1)", "next", "next view"),
    Key("run.previous_view", "left_square_bracket", "turn(-1)", "previous", "previous view"),
    Key("charts.pick", "p", "toggle_picker", "pick", "choose series", True),
    Key("charts.smooth_more", "s", "smooth(1)", "smooth", "smooth more", True),
    Key("charts.smooth_less", "a", "smooth(-1)", "less", "smooth less"),
    Key("charts.log", "l", "toggle_log", "log", "logarithmic y axis", True),
    Key("charts.x", "x", "next_x", "x axis", "x axis: step, epoch, time", True),
    Key("charts.zoom_in", "plus,equals_sign", "zoom(1)", "zoom in", "zoom in at the cursor"),
    Key("charts.zoom_out", "minus", "zoom(-1)", "zoom out", "zoom out"),
    Key("charts.pan_left", "shift+left,H", "pan(-1)", "pan", "move the window to the left"),
    Key("charts.pan_right", "shift+right,L", "pan(1)", "pan", "move the window to the right"),
    Key("charts.reset", "0", "reset_view", "reset", "show all data, following the newest"),
    Key("charts.cursor_left", "left", "cursor(-1)", "cursor", "move the cursor to the left, to read values"),
    Key("charts.cursor_right", "right", "cursor(1)", "cursor", "move the cursor to the right, to read values"),
    Key("charts.maximise", "m", "maximise", "maximise", "maximise the chart, and back", True),
    Key("charts.next", "tab", "next_chart", "next chart", "next chart"),
    Key("charts.grid", "g", "grid", "grid", "one, two or four charts at a time"),
    Key("compare.groups", "1", "view('groups')", "groups", "groups, mean ± standard deviation over seeds"),
    Key("compare.charts", "2", "view('charts')", "charts", "curves; those of a family as mean and band over seeds"),
    Key("compare.config", "3", "view('config')", "config", "settings in which the runs differ"),
    Key("compare.markdown", "y", "copy_markdown", "copy", "copy the table as Markdown", True),
    Key("compare.latex", "Y", "copy_latex", "LaTeX", "copy the table as LaTeX", True),
    Key("compare.stage", "s", "next_stage", "stage", "another stage", True),
    Key("compare.split", "v", "next_split", "split", "another split", True),
    Key("compare.band", "b", "toggle_band", "runs", "charts: a curve for every run, or mean and band over seeds", True),
    Key("compare.all_keys", "a", "toggle_all", "all keys", "all settings, or only those that differ", True),
    Key("compare.back", "escape,q", "back", "back", "back to the runs", True),
    Key("new.start", "ctrl+s,f5", "start", "start", "start the run", True),
    Key("new.preset", "ctrl+o", "preset", "preset", "choose another recipe or preset", True),
    Key("new.all", "ctrl+a", "toggle_all", "all", "all settings, or the usual ones", True),
    Key("new.copy", "ctrl+y", "copy_command", "copy", "copy the equivalent command line", True),
    Key("new.back", "escape", "back", "back", "back without starting", True),
    Key("data.next_split", "s", "next_split", "split", "another split", True),
    Key("data.run", "n", "new", "new run", "start a run on this data", True),
    Key("data.own", "o", "own", "own images", "read a folder of your own images", True),
    Key("data.back", "escape,q", "back", "back", "back to the runs", True),
    Key("queue.open", "enter", "open", "open", "open the run", True),
    Key("queue.earlier", "shift+up,K", "shift(-1)", "earlier", "move the job one place forward", True),
    Key("queue.later", "shift+down,J", "shift(1)", "later", "move the job one place back", True),
    Key("queue.first", "f", "send(1)", "first", "move the job to the front of the queue", True),
    Key("queue.last", "l", "send(0)", "last", "move the job to the end of the queue"),
    Key("queue.hold", "h", "hold", "hold", "hold the job, so that it does not start, or release it", True),
    Key("queue.cancel", "c", "cancel", "cancel", "take the job out of the queue; its run is kept", True),
    Key("queue.retry", "R", "retry", "retry", "queue it again after a failure; it continues where it stopped", True),
    Key("queue.new", "n", "new", "new", "start a new run"),
    Key("queue.slots", "e", "slots", "slots", "set how many jobs run on the CPU at once"),
    Key("queue.start", "s", "start", "start", "start the supervisor if it has ended, such as after a reboot"),
    Key("queue.back", "escape,q", "back", "back", "back to the runs", True),
    Key("sweeps.open", "enter", "open", "open", "open the sweep", True),
    Key("sweeps.new", "n", "new", "new", "start a new sweep or run", True),
    Key("sweeps.back", "escape,q", "back", "back", "back to the runs", True),
    Key("sweep.open", "enter", "open", "open", "open the run under the cursor", True),
    Key("sweep.left", "left,h", "seed(-1)", "seed", "previous seed"),
    Key("sweep.right", "right,l", "seed(1)", "seed", "next seed"),
    Key("sweep.parameter", "p", "next_parameter", "parameter", "another parameter in the chart", True),
    Key("sweep.rule", "v", "next_rule", "rule", "another rule on validation, which also sorts the points", True),
    Key("sweep.order", "o", "order", "order", "best points first, or all in the order of the sweep"),
    Key("sweep.compare", "c", "compare", "compare", "compare the finished runs", True),
    Key("sweep.start", "R", "start", "start", "start the runs that are missing, stopped or failed", True),
    Key("sweep.stop", "S", "stop", "stop", "stop all its runs, with a checkpoint; asks first", True),
    Key("sweep.delete", "D", "delete", "delete", "delete the sweep and the runs that it made; asks first"),
    Key("sweep.back", "escape,q", "back", "back", "back", True),
)


def bindings(keys: str | Iterable[Key]) -> "list[BindingType]":
    """The bindings of keys, or of an area of this table, for a screen's or a panel's BINDINGS."""
    from textual.binding import Binding

    wanted = [key for key in KEYS if key.area == keys] if isinstance(keys, str) else keys
    return [Binding(key.keys, key.action, key.label, show=key.shown, id=key.id, tooltip=key.help) for key in wanted]


def motions(*, last: bool = True) -> "list[BindingType]":
    """The keys that go through lines, for whatever has the actions `move`, `page`, `first` and, if asked, `last`."""
    from textual.binding import Binding

    keys = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
    ]
    return [*keys] if last else [*keys[:-1]]
