"""Several runs side by side on the screen."""

from dataclasses import replace

import pytest
from textual.app import App

from core.config import Config
from core.events import Scalars
from core.groups import wilson_interval
from core.runs.log import RunLog
from core.runs.record import StageRecord
from prusc_tui.palette import SHELL
from prusc_tui.screens.compare.charts import CompareCharts
from prusc_tui.screens.compare.panels import FamilyTable, GroupsPanel
from prusc_tui.screens.compare.screen import CompareScreen
from prusc_tui.tables.widget import GridTable
from prusc_tui.widgets.tabs import ViewLine
from tests.tui.lab import AFTER, BEFORE, NOW, evaluation, finished_run, put, record_of, rows, running_run, until

SIZE = 120, 40


class Alone(App[None]):
    """Nothing but the screen under test."""

    palette = SHELL

    def __init__(self, folders):
        super().__init__()
        self.copied = None
        self.compare = CompareScreen(folders, clock=lambda: NOW)

    async def on_mount(self):
        await self.push_screen(self.compare)

    def copy_to_clipboard(self, text):
        self.copied = text


def config(seed=0, recipe="prusc", **sections):
    return Config.model_validate({"seed": seed, "recipe": recipe, **sections}).model_dump(mode="json")


def baseline(home, seed, accuracies=BEFORE, **fields):
    """A finished run of ERM, evaluated on both splits."""
    looks = {split: evaluation(accuracies, split).to_json() for split in ("validation", "test")}
    stage = StageRecord("erm", "done", seconds=4.0, evaluations=looks)
    given = {"recipe": "erm", "seed": seed, "config": config(seed, "erm"), "stages": (stage,)}
    return put(home, record_of(f"erm-{seed}", **{**given, **fields}))


@pytest.fixture
def folders(home):
    """Two seeds of ERM, two of PruSC."""
    pruned = [finished_run(home, f"prusc-{seed}", seed=seed, config=config(seed)) for seed in range(2)]
    return [baseline(home, 0), baseline(home, 1, (98.1, 61.7, 66.2, 97.9)), *pruned]


def row(app, title):
    """The cells of a row of the screen that begins with `title`."""
    found = [line for line in rows(app) if line.strip().startswith(title)]
    assert found, "\n".join(rows(app))
    return " ".join(found[0].split())


async def says(pilot, title, text):
    """Wait until the row that begins with `title` holds `text`."""
    await until(pilot, lambda: any(text in " ".join(line.split()) for line in rows(pilot.app) if title in line))


def shown(app, text):
    return any(text in line for line in rows(app))


async def ready(pilot):
    await until(pilot, lambda: any(line.strip().startswith("worst group") for line in rows(pilot.app)))


async def test_families_stand_side_by_side(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        app = pilot.app
        assert "4 runs, 2 settings" in rows(app)[0]
        assert "test split" in rows(app)[0]
        assert "+ erm" in row(app, "colored-mnist")
        assert "+ prusc" in row(app, "colored-mnist")
        assert row(app, "runs") == "runs 2 seeds 2 seeds"
        assert row(app, "worst group") == "worst group 62.7 ± 1.4 93.6 ± 0.0"
        assert row(app, "0–4 · green") == "0–4 · green 2,400 62.7 ± 1.4 95.8 ± 0.0"
        assert row(app, "sparsity") == "sparsity – 44.0 ± 0.0"
        assert row(app, "supervision") == "supervision none none"
        assert shown(app, "prusc − erm, paired over 2 seeds: worst group +30.9 ± 1.4")


@pytest.mark.parametrize("how", ["enter", "click"])
async def test_a_family_unfolds_into_its_runs_and_folds_again(folders, how):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)

        async def press():
            if how == "enter":
                await pilot.press("enter")
            else:
                line = next(line for line in rows(pilot.app) if "colored-mnist" in line)
                await pilot.click(offset=(line.index("erm"), rows(pilot.app).index(line)))

        await press()
        await until(pilot, lambda: shown(pilot.app, "└ erm-1"))
        await says(pilot, "colored-mnist", "− erm")
        await says(pilot, "runs", "runs 2 seeds seed 0 seed 1 2 seeds")
        await says(pilot, "worst group", "worst group 62.7 ± 1.4 63.7 61.7 93.6 ± 0.0")
        # A run that stands alone has the interval of each of its groups.
        low, high = wilson_interval(1529, 2400)
        await says(pilot, "0–4 · green", f"63.7 ({100 * low:.1f}–{100 * high:.1f})")
        await press()
        await until(pilot, lambda: not shown(pilot.app, "└ erm-1"))
        await says(pilot, "runs", "runs 2 seeds 2 seeds")


async def test_the_cursor_takes_the_family_to_unfold_and_stays_when_others_unfold(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: shown(pilot.app, "└ prusc-1"))
        assert not shown(pilot.app, "└ erm-0")
        assert pilot.app.compare.query_one(FamilyTable).cursor_column == 3


async def test_keys_change_stage_and_split(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("s")
        await until(pilot, lambda: "after erm" in rows(pilot.app)[0])
        await says(pilot, "after stage", "after stage erm erm")
        await says(pilot, "worst group", "worst group 62.7 ± 1.4 63.7 ± 0.0")
        await pilot.press("s")
        await until(pilot, lambda: "after finetune" in rows(pilot.app)[0])
        await says(pilot, "worst group", "worst group 93.6 ± 0.0")
        await until(pilot, lambda: shown(pilot.app, "erm: not evaluated on the test split after finetune"))
        await pilot.press("s", "v")
        await until(pilot, lambda: "validation split" in rows(pilot.app)[0])
        await says(pilot, "runs", "runs 2 seeds")
        await until(pilot, lambda: shown(pilot.app, "prusc: not evaluated on the validation split"))
        await pilot.press("v")
        await until(pilot, lambda: "test split" in rows(pilot.app)[0])


async def test_config_shows_what_differs_and_on_request_all(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("3")
        await until(pilot, lambda: shown(pilot.app, "recipe"))
        table = pilot.app.compare.query_one("#settings", GridTable)
        await says(pilot, "seed", "seed 0 1 0 1")
        await says(pilot, "recipe", "recipe erm erm prusc prusc")
        assert not shown(pilot.app, "erm.epochs")
        few = table.row_count
        await pilot.press("a")
        await until(pilot, lambda: table.row_count > few)
        await says(pilot, "≠ recipe", "≠ recipe erm erm prusc prusc")
        await until(pilot, lambda: shown(pilot.app, "data.train_size"))
        await pilot.press("a")
        await until(pilot, lambda: table.row_count == few)


async def test_the_overlap_of_masks_is_measured_pair_by_pair(folders):
    import numpy as np
    from safetensors.numpy import save_file

    masks = np.zeros((2, 100), bool)
    masks[0, :50] = masks[1, 25:75] = True
    for folder, mask in zip(folders[2:], masks, strict=True):
        folder.artifacts("prune").mkdir(parents=True)
        save_file({"conv1.weight": mask}, folder.artifacts("prune") / "masks.safetensors")
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("3")
        await until(pilot, lambda: shown(pilot.app, "IoU      prusc-0"))
        await says(pilot, "prusc-1", "prusc-1 0.33 (0.33)")


def plots_of(app):
    return {plot.key: plot for plot in app.compare.query_one(CompareCharts).plots}


def names_of(app):
    return {key: [curve.name for curve in plot.curves] for key, plot in plots_of(app).items()}


async def test_a_family_is_drawn_as_its_mean_with_a_band(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("2")
        await until(pilot, lambda: shown(pilot.app, "finetune: loss, mean (min–max) over seeds"))
        names, plots = names_of(pilot.app), plots_of(pilot.app)
        assert names["erm", "validation worst group"] == ["erm (2 seeds)", "prusc (2 seeds)"]
        assert names["erm", "loss"] == ["prusc (2 seeds)"]  # the baseline was written without a stream
        (curve,) = plots["erm", "loss"].curves
        assert len(curve.band[0]) == len(curve.band[1]) == len(curve.y) > 1
        assert {curve.colour for plot in plots.values() for curve in plot.curves if curve.name.startswith("prusc")} == {
            1
        }


async def test_every_run_can_be_drawn_for_itself_in_a_colour_of_its_own(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("b")
        await until(pilot, lambda: shown(pilot.app, "finetune: loss, mean"))  # the charts come first
        await pilot.press("b")
        await until(pilot, lambda: not shown(pilot.app, "mean (min–max)"))
        names, plots = names_of(pilot.app), plots_of(pilot.app)
        assert names["erm", "validation worst group"] == ["erm-0", "erm-1", "prusc-0", "prusc-1"]
        assert names["erm", "loss"] == ["prusc-0", "prusc-1"]
        assert ("finetune", "test worst group") not in plots  # one point
        for plot in plots.values():
            # One run, one colour and mark, in every chart.
            assert {curve.name: curve.colour for curve in plot.curves}.items() <= {
                "erm-0": 0,
                "erm-1": 1,
                "prusc-0": 2,
                "prusc-1": 3,
            }.items()
        assert len({curve.key for plot in plots.values() for curve in plot.curves}) == sum(
            len(plot.curves) for plot in plots.values()
        )
        await pilot.press("b")
        await until(pilot, lambda: shown(pilot.app, "mean (min–max)"))


async def test_a_run_that_has_not_finished_and_a_repeat_are_in_no_mean(home, folders):
    again = finished_run(home, "again", seed=1, config=config(1), created=NOW)
    live, writer = running_run(home, "live", seed=5, config=config(5))
    async with Alone([*folders, again, live]).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("2")
        await until(pilot, lambda: ("erm", "loss") in names_of(pilot.app))
        assert names_of(pilot.app)["erm", "loss"] == ["prusc (2 seeds)", "prusc-1", "▸ live"]
    writer.close()


@pytest.mark.parametrize(("key", "begin"), [("y", "| colored-mnist"), ("Y", "% No attributes")])
async def test_the_table_in_front_is_copied(folders, key, begin):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press(key)
        await until(pilot, lambda: pilot.app.copied is not None)
        text = pilot.app.copied
        assert "62.7 ± 1.4" in text.replace(r"$\pm$", "±")
        assert text.startswith(begin) or begin in text.split("\\begin")[0]
        await until(pilot, lambda: any("copied" in note.title for note in pilot.app._notifications))


async def test_the_copy_holds_the_unfolded_runs_and_in_config_the_settings(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("enter", "y")
        await until(pilot, lambda: pilot.app.copied is not None and "└ erm-0" in pilot.app.copied)
        await pilot.press("3", "y")
        await until(pilot, lambda: pilot.app.copied.startswith("| setting"))
        assert "worst group" not in pilot.app.copied


async def test_a_running_run_is_followed(home, folders):
    live, writer = running_run(home, "live", seed=5, config=config(5, prune={"steps": 77}))
    async with Alone([*folders, live]).run_test(size=SIZE) as pilot:
        await ready(pilot)
        assert "▸ 1 running" in rows(pilot.app)[0]
        await pilot.press("2")
        charts = pilot.app.compare.query_one(CompareCharts)

        def curve():
            plots = {plot.key: plot for plot in charts.plots}
            plot = plots.get(("prune", "task"))
            return next((c for c in plot.curves if c.name == "▸ live"), None) if plot else None

        await until(pilot, lambda: charts.plots)
        assert curve() is None
        writer.write(Scalars("prune", 10, 0.1, {"task": 0.5}), NOW - 10)
        await until(pilot, lambda: curve() is not None)
        writer.write(Scalars("prune", 20, 0.2, {"task": 0.4}), NOW - 9)
        await until(pilot, lambda: len(curve().y) == 2)
        await pilot.press("1")
        assert not shown(pilot.app, "prune.steps=77")
        done = [s for s in record_of().stages if s.name == "erm"]
        rest = [s for s in live.record().stages if s.name != "erm"]
        live.update(stages=(*done, *rest))
        await until(pilot, lambda: shown(pilot.app, "seed 5, unfinished"))
        assert row(pilot.app, "runs").endswith("seed 5, unfinished")
        await until(pilot, lambda: shown(pilot.app, "no run has finished; the numbers are preliminary"))
    writer.close()


async def test_only_the_cells_that_changed_are_written_anew(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        table, changed = pilot.app.compare.query_one(FamilyTable), []
        update = table.update_cell_at
        table.update_cell_at = lambda place, *rest, **more: (changed.append(place), update(place, *rest, **more))
        table._rebuild = lambda *_: pytest.fail("the table was made anew")
        record = folders[1].record()
        # Only the time that it took is another now.
        folders[1].update(stages=(replace(record.stages[0], seconds=9.0),))
        await until(pilot, lambda: changed)
        assert len(changed) == 1
        await says(pilot, "time", "6.5 ± 3.5 s")


@pytest.mark.parametrize("key", ["1", "2", "3"])
async def test_nothing_is_drawn_while_nothing_changes(folders, key):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        screen, sent, looks = pilot.app.compare, [], []
        await until(pilot, lambda: screen.seen.snapshots)
        await pilot.press(key)
        look, update = screen._poller._look, screen._compositor.update_widgets
        screen._poller._look = lambda: (looks.append(1), look())[1]
        screen._compositor.update_widgets = lambda widgets: (sent.extend(widgets), update(widgets))
        await until(pilot, lambda: len(looks) > 1)
        sent.clear()
        await until(pilot, lambda: len(looks) > 3)
        assert sent == []


async def test_what_a_run_says_between_two_results_leaves_the_group_table_alone(home, folders):
    live, writer = running_run(home, "live", seed=5, config=config(5))
    async with Alone([*folders, live]).run_test(size=SIZE) as pilot:
        await ready(pilot)
        screen, sent = pilot.app.compare, []
        await until(pilot, lambda: screen.seen.snapshots)
        await pilot.pause()
        before, update = screen.seen, screen._compositor.update_widgets
        screen._compositor.update_widgets = lambda widgets: (sent.extend(widgets), update(widgets))
        writer.write(Scalars("prune", 10, 0.1, {"task": 0.5}), NOW - 10)
        await until(pilot, lambda: screen.seen is not before)
        await pilot.pause()
        assert sent == []
    writer.close()


async def test_data_sets_have_tables_of_their_own(home, folders):
    patch = {"data": "patch-mnist", "config": config(0, "erm", data={"name": "patch-mnist"})}
    other = baseline(home, 9, **patch)
    async with Alone([*folders, other]).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await until(pilot, lambda: shown(pilot.app, "colored-mnist only: other data has other groups"))
        tables = [table for table in pilot.app.compare.query(FamilyTable) if table.display]
        assert [len(table.columns) for table in tables] == [4, 3]


async def test_a_name_from_a_file_is_shown_as_text(home):
    evil = "[red]x[/red]\x1b]0;owned\x07\x1b[2J"
    folders = [baseline(home, 0), put(home, replace(baseline(home, 1).record(), id="abcdefgh", name=evil))]
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: shown(pilot.app, r"[red]x[/red]\x1b]0;owned\x07\x1b[2J"))
        assert not any("\x1b" in line for line in rows(pilot.app))


async def test_runs_that_were_never_evaluated_are_said_to_be(home):
    folders = [put(home, record_of(f"q{i}", "queued", seed=i, config=config(i))) for i in range(2)]
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await until(pilot, lambda: shown(pilot.app, "no run has been evaluated yet"))
        await pilot.press("y")
        await until(pilot, lambda: any("no table" in note.message for note in pilot.app._notifications))
        assert pilot.app.copied is None


async def test_a_run_that_goes_away_stays_as_it_was_and_is_told_once(folders, home):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        await until(pilot, lambda: pilot.app.compare.seen.snapshots)
        before = row(pilot.app, "worst group")
        folders[0].delete()
        RunLog(home).remove(folders[0].id)
        await until(pilot, lambda: len(pilot.app._notifications) == 1)
        assert folders[0].id in next(iter(pilot.app._notifications)).message
        assert row(pilot.app, "worst group") == before


async def test_views_are_chosen_with_the_mouse_and_escape_goes_back(folders):
    async with Alone(folders).run_test(size=SIZE) as pilot:
        await ready(pilot)
        tabs = rows(pilot.app)[1]
        await pilot.click(ViewLine, offset=(tabs.index("config"), 0))
        await until(pilot, lambda: shown(pilot.app, "settings in which the runs differ"))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not pilot.app.compare)


async def test_everything_can_be_reached_at_80_by_24(folders):
    async with Alone(folders).run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        for title in ("runs", "worst group", "5–9 · green", "selection"):
            assert row(pilot.app, title)
        assert not shown(pilot.app, "shares of the training split")
        panel = pilot.app.compare.query_one(GroupsPanel)
        for _ in range(30):
            await pilot.press("j")
        await until(pilot, lambda: panel.scroll_y == panel.max_scroll_y)
        await until(pilot, lambda: shown(pilot.app, "training split"))


def test_the_accuracies_of_the_lab_are_what_the_tests_say():
    assert (min(BEFORE), min(AFTER)) == (63.7, 93.6)
