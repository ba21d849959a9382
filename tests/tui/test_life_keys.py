"""The keys that change a run's life: the questions they ask and the toasts they end in."""

from textual.widgets import Input, Static

from core.events import Progress
from core.runs.folder import RunFolder
from experiments import actions as life
from prusc_tui.screens import life as keys
from prusc_tui.screens.life import Life
from prusc_tui.widgets.dialogs import AskScreen, Choice, LineScreen
from tests.tui.lab import finished_run, put, record_of, rows, running_run, until
from tests.tui.life_lab import worked_on
from tests.tui.stage import Stage


class Targets(Life):
    """Keys for the runs that the test names."""

    BINDINGS = [  # noqa: RUF012
        ("S", "stop", ""), ("K", "kill", ""), ("R", "resume", ""), ("F", "fork", ""), ("r", "rename", ""),
        ("t", "tag", ""), ("N", "note", ""), ("x", "export", ""), ("D", "delete", ""), ("y", "copy_id", ""),
    ]  # fmt: skip

    def __init__(self, *folders):
        super().__init__()
        self.folders = list(folders)
        self.gone = []

    def life_targets(self):
        return self.folders

    def life_gone(self, ids):
        self.gone += ids


def stage(*folders):
    return Stage(lambda: Targets(*folders))


async def said(pilot, text):
    await until(pilot, lambda: any(text in one for one in pilot.app.said))


async def asked(pilot, kind):
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    await pilot.pause()


async def write(pilot, text):
    await asked(pilot, LineScreen)
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_stop_says_at_once_that_it_stops_and_then_what_became_of_it(home):
    folder, writer = running_run(home)
    writer.write(Progress("prune", 7, 200), 1.0)
    app = stage(folder)
    async with app.run_test() as pilot:
        await pilot.press("S")
        await said(pilot, "stopping live …")
        await until(pilot, folder.stop_requested)
        folder.update(status="stopped")
        await said(pilot, "live stopped at the start of erm")


async def test_a_run_that_does_not_answer_is_told_and_the_kill_is_offered(home, worker, monkeypatch):
    monkeypatch.setattr(keys, "PATIENCE", 0.1)
    folder = worked_on(home, worker)
    app = stage(folder)
    async with app.run_test() as pilot:
        await pilot.press("S")
        await said(pilot, "live has not answered for 0 s; it stops when its step ends. K kills it")
        await pilot.press("K")
        await asked(pilot, AskScreen)
        assert any("Kill live?" in line for line in rows(app))
        dialog = app.screen.query_one(".dialog")
        assert dialog.region.height <= 12  # a question, not a page
        await pilot.press("y")
        await said(pilot, "live is lost: its process was killed")
        assert worker.wait(5) < 0
        # The stop that was still waited for is told as what it became, too.
        await said(pilot, "live is lost: its process is gone; it can be resumed")


async def test_kill_does_nothing_without_a_yes(home, worker):
    app = stage(worked_on(home, worker))
    async with app.run_test() as pilot:
        for no in ("n", "escape", "enter"):
            await pilot.press("K")
            await asked(pilot, AskScreen)
            await pilot.press(no)
            await until(pilot, lambda: isinstance(app.screen, Targets))
        assert worker.poll() is None


async def test_keys_for_runs_at_work_say_why_there_is_nothing_to_do(home):
    app = stage(finished_run(home))
    async with app.run_test() as pilot:
        await pilot.press("S", "K")
        await said(pilot, "nothing to stop: demo is finished")
        await said(pilot, "nothing to kill: demo is finished")


async def test_resume_tells_the_outcome_of_every_run(home, commands):
    one, other = put(home, record_of("one", "stopped")), put(home, record_of("two", "stopped"))
    commands[1].append((2, "", "error: no space\n"))
    app = stage(one, other)
    async with app.run_test() as pilot:
        await pilot.press("R")
        await said(pilot, "resuming one, two …")
        await said(pilot, "no space")
        await said(pilot, "two resumes at the start of erm")


async def test_fork_opens_the_form_of_a_new_run(home):
    folder = finished_run(home)
    app = stage(folder)
    async with app.run_test() as pilot:
        await pilot.press("F")
        await until(pilot, lambda: app.asked == [("new", folder.id)])


async def test_rename_tag_and_note_ask_for_a_line(home):
    folder = finished_run(home, tags=("old",))
    app = stage(folder)
    async with app.run_test() as pilot:
        for key, text, done in (
            ("r", "better", "demo is now better"),
            ("t", "old, paper", "better: old paper"),
            ("N", "a [b]note", "better: note saved"),
        ):
            await pilot.press(key)
            await write(pilot, text)
            await said(pilot, done)
        record = folder.record()
        assert (record.name, record.tags, record.note) == ("better", ("old", "paper"), "a [b]note")


async def test_a_line_that_is_left_or_unchanged_changes_nothing(home):
    folder = finished_run(home, note="two\nlines")
    app = stage(folder)
    async with app.run_test() as pilot:
        for key, leave in (("r", "escape"), ("N", "enter")):
            await pilot.press(key)
            await asked(pilot, LineScreen)
            await pilot.press(leave)
            await until(pilot, lambda: isinstance(app.screen, Targets))
        assert folder.record().note == "two\nlines"
        assert app.said == []


async def test_a_line_that_will_not_do_is_refused_where_it_is_typed(home):
    folder = finished_run(home)
    app = stage(folder)
    async with app.run_test() as pilot:
        await pilot.press("x")
        await write(pilot, "  ")
        await until(pilot, lambda: any("needs a folder" in line for line in rows(app)))
        assert isinstance(app.screen, LineScreen)
        for path, why in (("~nobody-of-this-name/x", "no home folder"), ("x" * 300, "too long for a path")):
            await write(pilot, path)
            await until(pilot, lambda why=why: why in hint(app))
            assert isinstance(app.screen, LineScreen)


async def test_a_path_that_the_user_may_not_look_at_is_refused_where_it_is_typed(home):
    def check(text):
        raise PermissionError(13, "Permission denied", text)

    app = stage(finished_run(home))
    async with app.run_test() as pilot:
        await app.push_screen(LineScreen("to", check=check))
        await write(pilot, "/secret")
        await until(pilot, lambda: hint(app) == "/secret: cannot be used (Permission denied)")


def hint(app):
    return str(app.screen.query_one("#hint", Static).content)


async def test_tags_of_several_runs_change_only_where_they_are_shared(home):
    one = finished_run(home, "one", tags=("both", "mine"))
    other = finished_run(home, "other", tags=("both",))
    app = stage(one, other)
    async with app.run_test() as pilot:
        await pilot.press("t")
        await asked(pilot, LineScreen)
        assert app.screen.query_one(Input).value == "both"
        await write(pilot, "paper")
        await said(pilot, "other: paper")
        assert one.record().tags == ("mine", "paper")
        assert other.record().tags == ("paper",)


async def test_deeds_for_one_run_refuse_several(home):
    app = stage(finished_run(home, "a"), finished_run(home, "b"))
    async with app.run_test() as pilot:
        await pilot.press("r", "N", "F")
        await until(pilot, lambda: len(app.said) == 3)
        assert all("2 runs are marked" in text for text in app.said)
        assert app.asked == []


async def test_several_runs_are_exported_each_to_its_own_folder(home, commands, tmp_path):
    folders = [finished_run(home, "a/b"), finished_run(home, "c")]
    commands[1].extend([(0, '{"files": ["m"]}', "")] * 2)
    app = stage(*folders)
    async with app.run_test() as pilot:
        await pilot.press("x")
        await write(pilot, str(tmp_path / "out"))
        await said(pilot, f"c: 1 files in {tmp_path / 'out' / 'c'}")
        assert [words[3] for words, _ in commands[0]] == [f"--to={tmp_path / 'out' / n}" for n in ("a-b", "c")]


async def test_delete_asks_and_a_click_answers(home):
    folder = finished_run(home)
    app = stage(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("D")
        await asked(pilot, AskScreen)
        await pilot.click(app.screen.query(Choice).last())
        await until(pilot, lambda: isinstance(app.screen, Targets))
        assert folder.path.exists()
        await pilot.press("D")
        await asked(pilot, AskScreen)
        await pilot.click(app.screen.query(Choice).first())
        await said(pilot, "demo deleted")
        await until(pilot, lambda: app.screen.gone == [folder.id])
        assert not folder.path.exists()


async def test_delete_refuses_a_run_at_work_without_asking(home):
    live, _ = running_run(home)
    app = stage(finished_run(home), live)
    async with app.run_test() as pilot:
        await pilot.press("D")
        await said(pilot, "run 'live' is running; stop it first")
        assert isinstance(app.screen, Targets)


async def test_ids_are_copied(home):
    folders = [finished_run(home, "a"), finished_run(home, "b")]
    app = stage(*folders)
    async with app.run_test() as pilot:
        await pilot.press("y")
        await until(pilot, lambda: app.copied == [f"{folders[0].id} {folders[1].id}"])


async def test_names_and_reasons_are_shown_as_text_in_questions_and_toasts(home):
    nasty = finished_run(home, "[red]x\x1b]0;t\x07")
    app = stage(nasty)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.press("D")
        await asked(pilot, AskScreen)
        assert any(r"Delete [red]x\x1b]0;t\x07?" in line for line in rows(app))
        await pilot.press("y")
        await said(pilot, r"[red]x\x1b]0;t\x07 deleted")
        await until(pilot, lambda: any(r"[red]x\x1b]0;t\x07 deleted" in line for line in rows(app)))


async def test_a_run_that_went_away_meanwhile_is_said_and_nothing_breaks(home):
    folder = RunFolder(home, "zzzzzzzz")
    app = stage(folder)
    async with app.run_test() as pilot:
        await pilot.press("S", "K", "R", "F", "r", "t", "N", "x", "D")
        await until(pilot, lambda: len(app.said) == 9)
        assert all("no run 'zzzzzzzz'" in text for text in app.said)


async def test_an_error_of_one_run_is_told_and_the_screen_goes_on(home, monkeypatch):
    def fail(_folder, _text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(life, "note", fail)
    app = stage(finished_run(home))
    async with app.run_test() as pilot:
        await pilot.press("N")
        await write(pilot, "x")
        await said(pilot, "No space left on device")
