"""The form of a new run as one meets it: keys, help, errors, what differs, the command line, starting."""

import threading

import pytest
from textual.app import App
from textual.widgets import OptionList

from core.errors import InputError
from core.runs.folder import RunFolder
from experiments import actions
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.layout import Aside
from prusc_tui.screens.new_run.screen import NewRunScreen
from tests.tui import lab
from tests.tui.form_lab import command, focused, go, row, run, said, under
from tests.tui.lab import rows, until


def test_a_preset_is_chosen_by_typing_and_its_form_opens(home):
    async def body(pilot, app, screen):
        assert "PruSC on digits with two spurious attributes" in said(app)
        await pilot.press(*"linear head")
        await until(pilot, lambda: "Control: refit the linear head" in said(app))
        await pilot.press(*["backspace"] * 11, *"patch")
        await until(pilot, lambda: "PruSC on digits with a patch in a corner" in said(app))
        await pilot.press("enter")
        await until(pilot, lambda: screen.query(FieldRow))
        assert focused(screen) == "recipe"
        assert command(app).startswith("prusc run patch-mnist --detach")

    run(NewRunScreen(home), body)


def test_in_the_list_of_what_to_run_the_arrows_choose_and_what_is_not_there_is_said(home):
    async def body(pilot, app, screen):
        await pilot.press(*"mnist two", "down", "up", "enter")
        await until(pilot, lambda: screen.query(FieldRow))
        assert "prusc run multi-mnist" in command(app)
        await pilot.press("ctrl+o", *"nothing like it")
        await until(pilot, lambda: "no match" in said(app))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: "prusc run multi-mnist" in command(app))

    run(NewRunScreen(home), body)


def test_typing_on_a_field_begins_a_new_value_and_says_what_differs(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "prune.steps")
        assert "Steps on the mask logits" in said(app)
        assert "a whole number ≥ 1" in said(app)
        await pilot.press(*"300")
        await until(pilot, lambda: "prusc run demo --set prune.steps=300 --detach" in command(app))
        await pilot.press("down")
        await pilot.pause()
        assert not screen.query("FieldRow Input")
        line = next(line for line in rows(app) if line.split()[:1] == ["steps"] and "300" in line)
        assert line.split()[:3] == ["steps", "●", "300"]
        assert "was 200" in line
        assert "differs  prune.steps 300 (200)" in said(app)

    run(NewRunScreen(home, preset="demo"), body)


def test_enter_edits_the_value_that_is_there_and_escape_brings_back_what_was_before(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "erm.lr")
        await pilot.press("enter", "1", "enter")
        await until(pilot, lambda: "--set erm.lr=0.051" in command(app))
        await pilot.press("enter", "9", "9", "escape")
        await until(pilot, lambda: "--set erm.lr=0.051 " in command(app))
        assert focused(screen) == "erm.lr"
        assert screen.is_current
        await pilot.press("delete")
        await until(pilot, lambda: command(app).startswith("prusc run demo --detach"))

    run(NewRunScreen(home, preset="demo"), body)


def test_an_error_stands_under_the_field_as_one_types_and_keeps_the_run_from_starting(home, monkeypatch):
    def never(*_):
        raise AssertionError("started")

    monkeypatch.setattr(actions, "start_outside", never)

    async def body(pilot, app, screen):
        await go(pilot, screen, "erm.epochs")
        await pilot.press("-", "1")
        await pilot.pause()
        await until(pilot, lambda: under(app, "✗ -1") == "input should be greater than 0")
        assert "✗ erm.epochs = -1: input should be greater than 0" in said(app)
        await pilot.press("home", "ctrl+s")
        await pilot.pause()
        assert focused(screen) == "erm.epochs"
        assert app.opened == []
        await pilot.press("1")
        await until(pilot, lambda: "✓ ready" in said(app))

    run(NewRunScreen(home, preset="demo"), body)


def test_a_choice_opens_a_list_and_steps_with_the_arrows(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "select.rule")
        await pilot.press("enter", "down", "enter")
        await until(pilot, lambda: "select.rule=average" in command(app))
        await pilot.press("right")
        await until(pilot, lambda: "select.rule=worst-class" in command(app))
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: "select.rule=worst-group" in command(app))
        await pilot.press("enter")
        await until(pilot, lambda: screen.query("FieldRow OptionList"))
        await pilot.press("escape")
        await pilot.pause()
        assert not screen.query("FieldRow OptionList")
        assert "select.rule=worst-group" in command(app)

    run(NewRunScreen(home, preset="demo"), body)


def test_all_settings_or_the_usual_ones_with_the_focus_where_it_was(home):
    async def body(pilot, app, screen):
        usual = len(screen.query(FieldRow))
        await go(pilot, screen, "erm.lr")
        await pilot.press("ctrl+a")
        await pilot.pause()
        assert len(screen.query(FieldRow)) > 2 * usual
        assert focused(screen) == "erm.lr"
        await go(pilot, screen, "biased.balance_classes")
        await pilot.press("space")
        await pilot.pause()
        assert "biased.balance_classes=false" in command(app)
        await pilot.press("ctrl+a")
        await pilot.pause()
        assert focused(screen) == "biased.balance_classes"
        assert len(screen.query(FieldRow)) == usual + 1

    run(NewRunScreen(home, preset="demo"), body)


def test_what_a_recipe_fixes_is_shown_and_cannot_be_edited(home):
    async def body(pilot, app, screen):
        await pilot.press("ctrl+a")
        await pilot.pause()
        await go(pilot, screen, "erm.objective")
        assert "fixed by the recipe" in said(app)
        await pilot.press("enter", "right", "x")
        await pilot.pause()
        assert not row(screen, "erm.objective").editing
        assert command(app).startswith("prusc run demo --detach")

    run(NewRunScreen(home, preset="demo"), body)


def test_another_recipe_shows_what_it_reads_and_keeps_what_was_entered(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "erm.lr")
        await pilot.press("0", ".", "1", "enter", "home", "e")
        await until(pilot, lambda: "prusc run erm --set erm.lr=0.1" in command(app))
        assert focused(screen) == "recipe"
        assert not [row for row in screen.query(FieldRow) if row.key.startswith("prune")]

    run(NewRunScreen(home, preset="demo"), body)


def test_keys_go_by_fields_and_sections_and_words_on_the_way_are_no_keys(home):
    async def body(pilot, app, screen):
        await pilot.press("tab", "tab")
        assert focused(screen) == "seed"
        await pilot.press("shift+tab")
        assert focused(screen) == "preset"
        await pilot.press("pagedown")
        assert focused(screen).startswith("data.")
        await pilot.press("pagedown", "pageup")
        assert focused(screen).startswith("data.")
        await go(pilot, screen, "name")
        await pilot.press(*"Toni q")
        await until(pilot, lambda: "--name 'Toni q'" in command(app))
        await pilot.press("tab", *"a b", "end")
        await until(pilot, lambda: "--tag a --tag b" in command(app))

    run(NewRunScreen(home, preset="demo"), body)


def test_the_mouse_edits_and_chooses(home):
    async def body(pilot, app, screen):
        await pilot.click(row(screen, "seed"), offset=(27, 0))
        await until(pilot, lambda: screen.query("FieldRow Input"))
        await pilot.press("5")
        await pilot.click(row(screen, "start"), offset=(27, 0))
        await until(pilot, lambda: screen.query("FieldRow OptionList"))
        assert "--seed 5" in command(app)
        options = screen.query_one("FieldRow OptionList", OptionList)
        await pilot.click(options, offset=(4, 2))
        await until(pilot, lambda: "--detach" not in command(app))

    run(NewRunScreen(home, preset="demo"), body)


def test_the_help_stands_beside_the_form_where_there_is_room(home):
    async def body(pilot, app, screen):
        await until(pilot, lambda: "recipe" in rows(app)[1].partition("│")[2])
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "│" not in said(app))

    run(NewRunScreen(home, preset="demo"), body, (120, 40))


def test_a_started_run_is_opened_in_place_of_the_form(home, monkeypatch):
    orders, go_on = [], threading.Event()

    def begin(where, order, _version):
        orders.append((order, where))
        go_on.wait(10)
        return RunFolder(where, "abcd2345")

    monkeypatch.setattr(actions, "start_outside", begin)

    async def body(pilot, app, screen):
        await pilot.press("down", "down", "7", "ctrl+s")
        await until(pilot, lambda: "starting…" in said(app))
        await pilot.press("ctrl+s", "3")
        go_on.set()
        await until(pilot, lambda: app.opened)
        await until(pilot, lambda: not screen.is_attached)
        assert app.opened == ["abcd2345"]
        ((order, where),) = orders
        assert (order.target, order.seed, order.launcher, where) == ("demo", 7, "detached", home)

    run(NewRunScreen(home, preset="demo"), body)


def test_a_run_that_is_refused_leaves_the_form_as_it_was(home, monkeypatch):
    def refuse(*_):
        raise InputError("the name 'x' is taken [red]\x1b[2J")

    monkeypatch.setattr(actions, "start_outside", refuse)

    async def body(pilot, app, screen):
        await go(pilot, screen, "name")
        await pilot.press("x", "ctrl+s")
        await until(pilot, lambda: "is taken" in said(app))
        assert "✗ the name 'x' is taken [red]\\x1b[2J" in said(app)
        assert "--name x" in command(app)
        assert focused(screen) == "name"
        await pilot.press("y")
        await until(pilot, lambda: "✓ ready" in said(app))

    run(NewRunScreen(home, preset="demo"), body)


def test_a_run_of_this_process_is_started_here(home, monkeypatch):
    orders = []

    def begin(where, order, _version):
        orders.append(order)
        return RunFolder(where, "host2345")

    monkeypatch.setattr(actions, "start", begin)

    async def body(pilot, app, screen):
        await go(pilot, screen, "start")
        await pilot.press("right", "ctrl+s")
        await until(pilot, lambda: app.opened == ["host2345"])
        assert orders[0].launcher == "local"

    run(NewRunScreen(home, preset="demo"), body)


def test_escape_asks_once_more_where_something_was_entered(home):
    async def body(pilot, app, screen):
        await pilot.press("down", "down", "7", "enter", "escape")
        await until(pilot, lambda: "escape again leaves" in said(app))
        await pilot.press("escape")
        await until(pilot, lambda: not screen.is_attached)

    async def untouched(pilot, app, screen):
        await pilot.press("escape")
        await until(pilot, lambda: not screen.is_attached)

    run(NewRunScreen(home, preset="demo"), body)
    run(NewRunScreen(home, preset="demo"), untouched)


def test_a_fork_shows_what_is_taken_over_and_moves_where_it_begins(home):
    source = lab.put(home, lab.record_of("first"))

    async def body(pilot, app, screen):
        assert f"prusc run --from {source.id}:balance" in command(app)
        assert "taken over" in said(app)
        await pilot.press("down", "left")
        await until(pilot, lambda: f"--from {source.id}:find" in command(app))
        await pilot.press("up", *"p", "p")
        await pilot.pause()
        assert focused(screen) == "recipe"

    run(NewRunScreen(home, fork="first:balance"), body)


@pytest.mark.parametrize(
    ("options", "sentence"), [({"fork": "nobody"}, "no run 'nobody'"), ({"preset": "demoo"}, "'demo'")]
)
def test_what_is_not_there_is_a_sentence_and_escape_leads_back(home, options, sentence):
    lab.put(home, lab.record_of("first"))

    async def body(pilot, app, screen):
        assert sentence in said(app)
        await pilot.press("ctrl+s", "escape")
        await until(pilot, lambda: not screen.is_attached)

    run(NewRunScreen(home, **options), body)


def test_the_command_line_can_be_copied(home):
    async def body(pilot, app, screen):
        await pilot.press("down", "down", "7", "enter", "ctrl+y")
        await pilot.pause()
        assert app.clipboard == "prusc run demo --seed 7 --detach"

    run(NewRunScreen(home, preset="demo"), body)


async def test_help_that_is_said_before_there_is_a_size_is_broken_at_words_once_there_is_one():
    class Row:
        about = ("recipe", "Infer environments from the clusters of the representation", "a recipe")

    class Early(App):
        def compose(self):
            yield Aside()

        def on_mount(self):
            self.query_one(Aside).say_help(Row())

    app = Early()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Infer environments from the clusters" in "\n".join(rows(app)))
