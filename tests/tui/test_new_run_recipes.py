"""The form of a new run with recipes of invariant learning; and keys that come all at once."""

from textual import events
from textual.widgets import Input

from experiments.plan import make_plan
from prusc_tui.schema import text_of
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.layout import FieldList
from prusc_tui.screens.new_run.screen import NewRunScreen
from tests.tui import lab
from tests.tui.form_lab import command, focused, go, row, run, said, under
from tests.tui.lab import rows, until


def line_of(app, name):
    """The line of a field, word by word."""
    lines = (line.replace("▸", " ").split() for line in rows(app))
    return next(line for line in lines if line[:1] == [name])


def test_the_name_that_is_typed_in_full_is_what_enter_takes(home):
    async def body(pilot, app, screen):
        await pilot.press(*"irm")
        await until(pilot, lambda: "texture-mnist" not in said(app))
        await pilot.press("enter")
        await until(pilot, lambda: screen.query(FieldRow))
        assert command(app).startswith("prusc run irm --detach")
        await pilot.press("ctrl+o", *"irm-d")
        await until(pilot, lambda: "irm-random" not in said(app))
        await pilot.press("enter")
        await until(pilot, lambda: "prusc run irm-demo --detach" in command(app))

    run(NewRunScreen(home), body)


def test_the_sections_of_invariant_learning_are_there_with_their_values(home):
    async def body(pilot, app, screen):
        keys = screen.query_one(FieldList).keys()
        usual = [key for key in keys if key.startswith(("environments.", "train."))]
        assert usual == [
            "environments.rule",
            *(f"train.{key}" for key in ("network", "restarts", "penalty_weights", "anneal_until", "steps")),
            *(f"train.{key}" for key in ("batch_size", "lr")),
        ]
        assert "data.environment_noise" in keys
        await go(pilot, screen, "environments.rule")
        assert "environments   Assignment of training samples to environments." in said(app)
        assert rows(app)[-7].endswith(" …")  # the help of the rules is longer than the room for it
        await pilot.press("ctrl+a")
        await go(pilot, screen, "train.penalty_weights")
        weights = text_of(make_plan("irm").config.train.penalty_weights)
        assert line_of(app, "penalty_weights") == ["penalty_weights", weights, "from", "the", "preset"]
        assert {"environments.shares", "train.rescale"} <= set(screen.query_one(FieldList).keys())
        assert not {"environments.eiil_steps", "train.dro_step_size"} & set(screen.query_one(FieldList).keys())

    run(NewRunScreen(home, preset="irm"), body)


def test_numbers_with_words_and_tuples_are_edited(home):
    async def body(pilot, app, screen):
        await go(pilot, screen, "train.batch_size")
        assert "a whole number ≥ 1 or full" in " ".join(said(app).split())
        await pilot.press(*"100", "enter")
        await until(pilot, lambda: "--set train.batch_size=100" in command(app))
        await pilot.press(*"full", "enter")
        await until(pilot, lambda: "train.batch_size" not in command(app))
        await go(pilot, screen, "train.penalty_weights")
        await pilot.press(*"1, 1e4", "enter")
        await until(pilot, lambda: "--set 'train.penalty_weights=[1, 1e4]'" in command(app))
        await pilot.press("delete", "ctrl+a")
        await pilot.pause()
        await go(pilot, screen, "environments.shares")
        assert "two numbers 0 … 1 separated by a comma" in " ".join(said(app).split())
        await pilot.press(*"0.3")
        await until(pilot, lambda: under(app, "✗ 0.3").endswith("required"))
        await pilot.press(*", 0")
        await until(pilot, lambda: "--set 'environments.shares=[0.3, 0]'" in command(app))
        assert "✓ ready" in said(app)

    run(NewRunScreen(home, preset="irm"), body)


def test_a_recipe_chosen_in_the_form_brings_its_data_and_its_sections(home):
    async def body(pilot, app, screen):
        assert focused(screen) == "recipe"
        await pilot.press("i")
        await until(pilot, lambda: "prusc run irm-demo --detach" in command(app))
        keys = screen.query_one(FieldList).keys()
        assert {"data.environment_noise", "environments.rule", "train.steps"} <= set(keys)
        assert not [key for key in keys if key.startswith(("prune.", "finetune."))]
        assert focused(screen) == "recipe"

    run(NewRunScreen(home, preset="demo"), body)


def test_a_recipe_that_does_not_go_with_the_data_says_so_and_is_not_started(home):
    async def body(pilot, app, screen):
        await pilot.press("down", "t")
        await until(pilot, lambda: "texture-mnist" in command(app))
        assert "✗ recipe 'erm-grey' is for data set cmnist, not for 'texture-mnist'" in said(app)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.opened == []
        assert row(screen, "preset").field.text == "texture-mnist"
        await pilot.press("i")
        await until(pilot, lambda: "✓ ready" in said(app))
        assert command(app).startswith("prusc run erm-grey --detach")

    run(NewRunScreen(home, preset="erm-grey"), body)


def test_a_fork_of_prusc_at_its_clusters_can_become_irm(home):
    source = lab.put(home, lab.record_of("first"))

    async def body(pilot, app, screen):
        assert focused(screen) == "recipe"
        await pilot.press("i")
        await until(pilot, lambda: f"prusc run irm --from {source.id}:cluster --detach" in command(app))
        assert "✓ ready" in said(app)
        assert row(screen, "cluster.k").field.origin == "taken over"
        assert row(screen, "train.steps").field.origin == "default"

    run(NewRunScreen(home, fork="first:cluster"), body)


def test_keys_that_come_all_at_once_are_all_taken(home):
    """A slow line hands over many keys together, before the editor is up or the next field has them."""

    async def body(pilot, app, screen):
        for _ in range(4):
            app.post_message(events.Key("down", None))
        await until(pilot, lambda: focused(screen) == "tags")
        for character in "ab?q1":
            app.post_message(events.Key("question_mark" if character == "?" else character, character))
        await until(pilot, lambda: "--tag 'ab?q1'" in command(app))
        assert screen.query_one("FieldRow Input", Input).value == "ab?q1"
        assert screen.is_current

    run(NewRunScreen(home, preset="demo"), body)
