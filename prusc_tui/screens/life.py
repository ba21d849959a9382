"""Actions on runs, for every screen that shows runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from textual import on
from textual.message import Message

from core.errors import InputError
from core.paths import expanded
from core.runs.folder import RunFolder
from core.runs.record import ACTIVE, RunRecord
from core.runs.text import safe_text
from experiments import actions as life
from prusc_tui.navigation import OpenNew
from prusc_tui.screens.acting import Acting
from prusc_tui.widgets.dialogs import LineScreen

PATIENCE = 5.0
"""Seconds to wait for a stop before saying so."""


class Target(NamedTuple):
    """A run to act on, and its record when the key was pressed."""

    folder: RunFolder
    record: RunRecord


class Life(Acting):
    """A screen with actions on runs."""

    @dataclass
    class Gone(Message):
        """Runs were deleted."""

        ids: Sequence[str]

    def life_targets(self) -> list[RunFolder]:
        """The runs to act on: the marked ones, else the one under the cursor."""
        raise NotImplementedError

    def life_gone(self, ids: Sequence[str]) -> None:
        """Called when runs were deleted: a screen of one run closes."""
        if self.is_current and ids:
            self.dismiss()

    def action_stop(self) -> None:
        for target in self._at_work("nothing to stop"):
            self._do(partial(self._stop, target))

    def action_kill(self) -> None:
        if targets := self._at_work("nothing to kill"):
            text = (
                "The process cannot write a checkpoint: work since the last one is lost, and repeated when the run is "
                "resumed. S stops it gracefully."
            )
            self._ask(f"Kill {_names(targets)}?", text, "kill", lambda: self._each(life.kill, targets))

    def action_resume(self) -> None:
        if targets := self._targets():
            self._say(f"resuming {_names(targets)} …")
            self._each(life.resume_outside, targets)

    def action_fork(self) -> None:
        if (target := self._one("fork")) is not None:
            self.post_message(OpenNew(fork=target.folder.id))

    def action_rename(self) -> None:
        if (target := self._one("rename")) is not None:
            screen = LineScreen("Name of the run", safe_text(target.record.name), "must be unique")
            self._ask_line(screen, lambda name: self._each(lambda folder: life.rename(folder, name), [target]))

    def action_tag(self) -> None:
        """Edit the tags; of several runs those that they share."""
        if targets := self._targets():
            sets = [target.record.tags for target in targets]
            shared = [tag for tag in sets[0] if all(tag in tags for tags in sets)]
            hint = "words, separated by spaces" if len(targets) == 1 else "tags shared by all marked runs"
            screen = LineScreen(f"Tags of {_names(targets)}", safe_text(" ".join(shared)), hint, life.read_tags)
            self._ask_line(screen, lambda text: self._each(partial(_retag, shared, life.read_tags(text)), targets))

    def action_note(self) -> None:
        if (target := self._one("note")) is not None:
            title = f"Note on {safe_text(target.record.name)}"
            screen = LineScreen(title, safe_text(target.record.note), "empty removes it")
            self._ask_line(screen, lambda text: self._each(lambda folder: life.note(folder, text), [target]))

    def action_export(self) -> None:
        if not (targets := self._targets()):
            return
        several = len(targets) > 1
        names = {target.folder.id: life.file_name(target.record) for target in targets}
        value = "export" if several else f"export/{names[targets[0].folder.id]}"
        hint = "each run gets a subfolder" if several else "a folder; created if missing"

        def start(text: str) -> None:
            base = expanded(text.strip()).absolute()
            self._say(f"exporting {_names(targets)} …")
            self._each(lambda folder: life.export(folder, base / names[folder.id] if several else base), targets)

        screen = LineScreen(f"Export {_names(targets)} to", value, hint, _check_path)
        self._ask_line(screen, start, unchanged=True)

    def action_delete(self) -> None:
        targets = self._targets()
        try:
            for target in targets:
                life.check_deletable(target.folder)
        except InputError as error:
            self._say(str(error), "error")
            return
        text = "All its files are deleted; other runs keep the stages that they reuse from it."
        if len(targets) > 1:
            text = f"{len(targets)} runs with all their files; other runs keep the stages that they reuse."
        if targets:
            self._ask(f"Delete {_names(targets)}?", text, "delete", lambda: self._do(partial(self._delete, targets)))

    def action_copy_id(self) -> None:
        if folders := self.life_targets():
            ids = " ".join(folder.id for folder in folders)
            self.app.copy_to_clipboard(ids)
            self._say(f"copied {ids}")

    def _targets(self) -> list[Target]:
        found = []
        for folder in self.life_targets():
            try:
                found.append(Target(folder, life.now(folder)))
            except InputError as error:
                self._say(str(error), "error")
        return found

    def _one(self, deed: str) -> Target | None:
        targets = self._targets()
        if len(targets) > 1:
            self._say(f"{len(targets)} runs are marked; {deed} works on one at a time (escape clears marks)", "warning")
            return None
        return targets[0] if targets else None

    def _at_work(self, else_say: str) -> list[Target]:
        found = self._targets()
        active = [target for target in found if target.record.status in ACTIVE]
        if found and not active:
            states = ", ".join(f"{target.record.name} is {target.record.status}" for target in found[:3])
            self._say(f"{else_say}: {states}", "warning")
        return active

    def _stop(self, target: Target) -> str:
        folder, name = target.folder, target.record.name
        if folder.stop_requested():
            self._say(f"{name} is already stopping; K kills it", "warning")
        else:
            self._say(f"stopping {name} …")
        life.stop(folder)
        self.acted()
        ended = life.ended(folder, PATIENCE)
        if ended is None:
            self._say(
                f"{name} has not answered for {PATIENCE:.0f} s; it stops when its step ends. K kills it", "warning"
            )
            while ended is None:
                ended = life.ended(folder, PATIENCE)
        return life.how_it_ended(folder, ended)

    def _delete(self, targets: Sequence[Target]) -> str:
        messages = [life.delete(target.folder) for target in targets]
        self.post_message(self.Gone([target.folder.id for target in targets]))
        return messages[0] if len(messages) == 1 else f"{len(messages)} runs deleted"

    @on(Gone)
    def _gone_for_good(self, message: Gone) -> None:
        self.life_gone(message.ids)

    def _ask_line(self, screen: LineScreen, deed: Callable[[str], object], unchanged: bool = False) -> None:
        """Ask for a line and act on it; an unchanged one only if `unchanged` says so."""

        def answered(text: str | None) -> None:
            if text is not None and (unchanged or text.strip() != screen.value.strip()):
                deed(text)

        self.app.push_screen(screen, answered)

    def _each(self, deed: Callable[[RunFolder], str], targets: Sequence[Target]) -> None:
        """Act on each run in turn; an error with one does not stop the others."""

        def work() -> None:
            for target in targets:
                self._try(partial(deed, target.folder))

        self._do(work)


def _names(targets: Sequence[Target]) -> str:
    names = [safe_text(target.record.name) for target in targets[:3]]
    return ", ".join(names) + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")


def _retag(shared: Sequence[str], wanted: Sequence[str], folder: RunFolder) -> str:
    """Remove the shared tags that are no longer wanted and add the new ones; keep the others."""
    kept = [tag for tag in folder.record().tags if tag not in shared or tag in wanted]
    return life.tag(folder, [*kept, *(tag for tag in wanted if tag not in kept)])


def _check_path(text: str) -> None:
    if not text.strip():
        raise InputError("needs a folder, such as export/demo")
    if expanded(text.strip()).is_file():
        raise InputError(f"{safe_text(text.strip())} is a file")
