"""Fields with several values: the form then starts a sweep, as the same command line does."""

import threading

import pytest

from core.errors import InputError
from experiments.order import Order, shown
from experiments.sweeps import control, registry
from experiments.sweeps.order import SweepOrder
from prusc_tui.cli.sweep_options import study_of
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.form import Form
from prusc_tui.screens.new_run.screen import NewRunScreen
from tests.tui.form_lab import command, commands, fields, go, parsed, row, run, said
from tests.tui.lab import finished_run, until


def form(target="demo", **edits):
    made = Form(target)
    for key, text in edits.items():
        made.set(key.replace("__", "."), text)
    return made


def given(made):
    """What the parser of `prusc sweep` makes of the command line of a form."""
    words = made.command_line()
    assert words[:2] == ["prusc", "sweep"]
    assert words[-1] == "--detach"
    return commands()["sweep"].make_context("sweep", words[2:]).params


def study(made):
    options = given(made)
    names = ("target", "data", "grid", "seeds")
    return study_of(**{name: options[name] for name in names if options[name]}, overrides=options["overrides"] or ())


@pytest.mark.parametrize(
    ("target", "edits", "grid", "seeds", "settings"),
    [
        ("demo", {"prune__lr": "0.05|0.1 | 0.2"}, {"prune.lr": (0.05, 0.1, 0.2)}, (0,), {}),
        ("demo", {"seed": "0-4"}, {}, (0, 1, 2, 3, 4), {}),
        ("demo", {"seed": "0, 2, 5"}, {}, (0, 2, 5), {}),
        ("demo", {"seed": "1|3"}, {}, (1, 3), {}),
        ("demo", {"seed": "7", "erm__epochs": "1|2"}, {"erm.epochs": (1, 2)}, (7,), {}),
        (
            "demo",
            {"erm__optimizer": "sgd|adam", "seed": "0-1", "prune__steps": "300"},
            {"erm.optimizer": ("sgd", "adam")},
            (0, 1),
            {"prune.steps": 300},
        ),
        ("demo", {"model__name": "small-cnn|resnet18"}, {"model.name": ("small-cnn", "resnet18")}, (0,), {}),
        ("erm", {"preset": "patch-mnist", "erm__lr": "0.01|0.02"}, {"erm.lr": (0.01, 0.02)}, (0,), {}),
        (
            "demo",
            {"find__by": "clusters", "cluster__candidates": "2,3|2,3,4"},
            {"cluster.candidates": ([2, 3], [2, 3, 4])},
            (0,),
            {"find.by": "clusters"},
        ),
    ],
)
def test_several_values_are_the_sweep_of_the_command_line(target, edits, grid, seeds, settings):
    made = form(target, **edits)
    assert made.check().sentence == ""
    found = study(made)
    assert dict(found.grid) == grid
    assert found.seeds == seeds
    assert dict(found.settings) == settings
    assert found.presets == (made.preset,)
    assert made.size == found.size
    assert len(registry.Sweep(found).tasks) == found.size


def test_one_value_is_a_run_even_with_the_sign_behind_it():
    made = form(prune__lr="0.3|", seed="7")
    assert isinstance(made.order(), Order)
    assert shown(made.command_line()) == "prusc run demo --set prune.lr=0.3 --seed 7 --detach"


def test_name_tags_and_resources_are_those_of_the_sweep():
    made = form(seed="0-2", name="mine", tags="a b", device="cuda", fresh="true", gpus="2", threads="3")
    options = given(made)
    assert (options["name"], [*options["tags"]], options["device"]) == ("mine", ["a", "b"], "cuda")
    assert (options["fresh"], options["gpus"], options["threads"], options["launcher"]) == (True, 2, 3, None)


def test_a_sweep_goes_into_a_queue_and_a_run_where_it_was_to_go():
    made = form()
    before = fields(made)["start"]
    made.set("seed", "0-2")
    start = fields(made)["start"]
    assert (start.text, start.changed) == ("queue", False)
    assert not {"detached", "in this process"} & set(start.setting.choices)
    made.set("seed", "0")
    assert fields(made)["start"] == before


@pytest.mark.parametrize(
    ("edits", "key", "sentence"),
    [
        ({"prune__lr": "0.1|0.1"}, "prune.lr", "prune.lr: 0.1 comes twice"),
        ({"prune__lr": "0.1|-3"}, "prune.lr", "prune.lr = -3: input should be greater than 0"),
        ({"seed": "4-0"}, "seed", "seed: 4-0 is empty; the lower number comes first"),
        ({"seed": "0,0"}, "seed", "seed: a seed comes twice"),
        ({"erm__optimizer": "sgd|none"}, "erm.optimizer", "erm.optimizer = 'none'"),
    ],
)
def test_a_value_that_does_not_fit_is_said_at_its_field(edits, key, sentence):
    made = form(**edits)
    assert made.check().sentence.startswith(sentence)
    assert made.check().plan is None
    assert fields(made)[key].error


def test_a_run_that_starts_from_another_one_takes_one_value(home):
    from experiments.fork import fork_at

    finished_run(home, "source")
    made = Form(fork=fork_at(home, "source:find"))
    made.set("prune.lr", "0.1|0.2")
    assert made.check().sentence == "prune.lr: a run that starts from another one takes one value"
    assert made.command_line()[:2] == ["prusc", "run"]
    assert not fields(made)["prune.lr"].several


@pytest.mark.parametrize("launcher", ["detached", "in this process", "queue"])
def test_what_a_run_asks_for_is_a_field_where_the_launcher_takes_it(launcher):
    made = form(start=launcher, gpus="1", threads="4")
    shown_fields = {key for key, field in fields(made).items() if not field.hidden}
    assert ({"gpus", "gpu_memory", "threads"} <= shown_fields) == (launcher == "queue")
    options = parsed(made.command_line())
    assert (options["gpus"], options["threads"]) == ((1, 4) if launcher == "queue" else (None, None))


@pytest.mark.parametrize(
    ("edits", "key", "sentence"),
    [
        ({"gpus": "two"}, "gpus", "gpus: expected a whole number ≥ 0"),
        ({"gpus": "-1"}, "gpus", "--gpus -1: expected a number of GPUs, 0 for the CPU"),
        ({"gpu_memory": "6", "gpus": "2"}, "gpu_memory", "--gpu-memory: is a share of one GPU"),
        ({"threads": "0"}, "threads", "--threads 0: expected at least 1"),
    ],
)
def test_an_amount_that_does_not_fit_is_refused(edits, key, sentence):
    made = form(start="queue", **edits)
    assert made.check().sentence.startswith(sentence)
    assert fields(made)[key].error.startswith(sentence)


def test_the_bar_adds_a_value_to_any_field_and_the_command_line_becomes_that_of_a_sweep(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "prune.lr")
        assert "several make a sweep: a|b" in said(app)
        await pilot.press("|", *"0.3", "enter")
        await until(pilot, lambda: "prusc sweep demo --grid prune.lr=" in command(app))
        assert ",0.3 --detach" in command(app)
        await go(pilot, screen, "select.rule")
        await pilot.press("|", *"average", "enter")
        await until(pilot, lambda: "--grid select.rule=last,average" in command(app))
        await go(pilot, screen, "seed")
        assert "several make a sweep: 0-4 or 0,2,5" in said(app)
        await pilot.press(*"0-3", "enter")
        await until(pilot, lambda: "ready: ctrl+s starts a sweep of 16 runs" in said(app))
        assert row(screen, "gpus").display

    run(NewRunScreen(home, preset="demo"), body, (80, 60))


def test_starting_opens_the_sweep_and_an_error_stays_in_the_form(home, monkeypatch):
    asked, answers = [], [InputError("a sweep named 'x' with other runs exists"), "x-2"]

    def start(where, *words):
        asked.append((where, words, threading.current_thread() is threading.main_thread()))
        if isinstance(answer := answers.pop(0), InputError):
            raise answer
        return answer

    monkeypatch.setattr(control, "start_outside", start)

    async def body(pilot, app, screen):
        await go(pilot, screen, "seed")
        await pilot.press(*"0-1", "enter", "ctrl+s")
        await until(pilot, lambda: "✗ a sweep named 'x' with other runs exists" in said(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.opened)
        assert app.opened == [("sweep", "x-2")]
        assert asked == [(home, ("demo", "--seeds", "0-1"), False)] * 2

    run(NewRunScreen(home, preset="demo"), body)


def test_fields_that_do_not_apply_are_skipped_by_the_arrows(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "start")
        assert not row(screen, "gpus").display
        await pilot.press("down")
        await until(pilot, lambda: not isinstance(screen.focused, FieldRow) or screen.focused.key != "start")
        assert screen.focused.key not in ("gpus", "gpu_memory", "threads", "profile", "minutes")
        await go(pilot, screen, "start")
        while fields(screen._form)["start"].text != "queue":
            await pilot.press("right")
            await pilot.pause()
        await until(pilot, lambda: row(screen, "gpus").display)
        await pilot.press("down")
        await until(pilot, lambda: screen.focused.key == "gpus")

    run(NewRunScreen(home, preset="demo"), body)


def test_a_sweep_order_leaves_out_what_is_the_default():
    order = SweepOrder(order=Order(target="demo", launcher="queue", overrides=("a.b=1",)), grid={"c.d": "1,2"})
    assert order.words() == ["prusc", "sweep", "demo", "--grid", "c.d=1,2", "--set", "a.b=1", "--detach"]
