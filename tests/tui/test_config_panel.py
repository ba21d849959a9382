"""The settings of a run on the screen: what differs first, all on a key, a filter, and what each one is."""

from dataclasses import replace

import pytest
from textual.widgets import Input

from core.config import config_model, differences
from core.feed.feed import RunFeed
from prusc_tui.palette import SHELL
from prusc_tui.resolved import Resolved, facts, resolve
from prusc_tui.views.config.lines import Fact, Heading, detail, line, lines_of, widths
from prusc_tui.views.config.panel import ConfigList, ConfigPanel
from prusc_tui.widgets.panel import Reading
from tests.tui.lab import all_read, finished_run, put, record_of, rows, text, until
from tests.tui.stage import Alone

CHANGED = config_model().model_validate(
    {"data": {"name": "patch-mnist", "patch_size": 7}, "erm": {"lr": 0.02, "epochs": 4}, "prune": {"exclude": ["fc"]}}
)


def alone():
    return Alone(ConfigPanel)


def record(**fields):
    given = {"config": CHANGED.model_dump(mode="json"), "overrides": {"erm.lr": 0.02}, "data": "patch-mnist"}
    return record_of(**{**given, **fields})


def by_key(settings):
    return {one.key: one for one in settings}


async def opened(pilot, folder):
    app = pilot.app
    app.panel.show(RunFeed(folder).poll())
    app.panel.query_one(ConfigList).focus()
    await until(pilot, lambda: "This run" in text(app))
    return app


# What is known of the settings


def test_what_differs_is_what_the_config_says():
    found = resolve(record())
    base = config_model().model_validate({"data": {"name": "patch-mnist"}})
    assert {one.key for one in found if one.differs} == set(differences(CHANGED, base))
    assert {one.key for one in found if one.by_hand} == {"erm.lr"}
    one = by_key(found)["erm.lr"]
    assert (one.value, one.default) == ("0.02", "0.05")
    assert one.help == "Initial learning rate."
    assert by_key(found)["data.patch_size"].default == "5"


def test_every_setting_of_the_run_is_there_once():
    from core.config import flatten

    keys = [one.key for one in resolve(record())]
    assert len(keys) == len(set(keys))
    assert set(keys) == {key for key, _ in flatten(CHANGED.model_dump(mode="json"))}


def test_a_run_of_another_version_is_shown_as_it_is():
    config = CHANGED.model_dump(mode="json")
    config["erm"] |= {"warmup": 5}
    config["newer"] = {"thing": [1, 2]}
    del config["cluster"]
    found = by_key(resolve(record(config=config)))
    assert found["erm.warmup"] == Resolved("erm.warmup", "5", differs=True, about=found["erm.lr"].about)
    assert not found["newer.thing"].known
    assert found["newer.thing"].value == "[1, 2]"
    missing = found["cluster.k"]
    assert (missing.value, missing.default, missing.differs) == ("–", "auto", False)


@pytest.mark.parametrize("data", [{"name": "unheard-of", "depth": 3}, "no mapping", None])
def test_data_that_this_version_does_not_know_has_no_defaults(data):
    config = CHANGED.model_dump(mode="json") | {"data": data}
    found = by_key(resolve(record(config=config)))
    assert "data.patch_size" not in found
    assert not any(one.known for key, one in found.items() if key.startswith("data"))
    assert found["erm.lr"].default == "0.05"


def test_facts_leave_out_what_is_not_known():
    said = dict(facts(record(tags=("paper", "two"), host="gpu7", pid=4711, forked_from="k3v9x2ab:erm")))
    assert said["tags"] == "paper, two"
    assert said["process"] == "4711"
    assert said["forked from"] == "k3v9x2ab:erm"
    assert said["host"] == "gpu7"
    assert "note" not in said


# Lines


def test_what_a_person_set_comes_first_and_facts_last():
    lines = lines_of(resolve(record()), (("name", "demo"),), False, "")
    assert isinstance(lines[0], Heading)
    assert lines[1].key == "erm.lr"
    assert {one.key for one in lines if isinstance(one, Resolved)} == {
        "erm.lr",
        "data.patch_size",
        "erm.epochs",
        "prune.exclude",
    }
    assert lines[-1] == Fact("name", "demo")


def test_marks_say_without_colour_who_set_it():
    settings = by_key(resolve(record(config=CHANGED.model_dump(mode="json") | {"newer": {"x": 1}})))

    def mark(key):
        return line(settings[key], widths(list(settings.values()), 80), 80, SHELL, False, True).plain[2]

    assert [mark(key) for key in ("erm.lr", "erm.epochs", "erm.momentum", "newer.x")] == ["●", "≠", " ", "?"]


@pytest.mark.parametrize("width", [40, 78, 118, 198])
def test_lines_fill_their_width_exactly(width):
    lines = lines_of(resolve(record()), facts(record(note="n" * 300)), True, "")
    at = widths(lines, width)
    assert {line(one, at, width, SHELL, False, True).cell_len for one in lines} == {width}


def test_a_filter_looks_into_key_value_and_help_of_all_settings():
    settings = resolve(record())

    def keys(wanted):
        return [one.key for one in lines_of(settings, (), False, wanted) if isinstance(one, Resolved)]

    assert keys("prune.lr") == ["prune.lr"]
    assert "erm.optimizer" in keys("SGD")
    assert keys("csordás logit") == ["prune.init"]
    assert keys("no such thing") == []
    assert any("Nothing found" in one.title for one in lines_of(settings, (), False, "xyzzy") if one is not None)


def test_the_explanation_names_default_source_and_bounds():
    settings = by_key(resolve(record()))

    def said(key):
        return " ".join(row.plain.strip() for row in detail(settings[key], "patch", 100, 6, SHELL))

    assert "Initial learning rate." in said("erm.lr")
    assert "default 0.05 · set by hand · takes a number > 0" in said("erm.lr")
    assert "from preset patch" in said("erm.epochs")
    assert "preset" not in said("erm.momentum")


# The panel


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_what_differs_and_its_explanation_are_in_sight(home, size):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, folder)
        await until(pilot, lambda: "Initial learning rate." in text(app))
        assert "4 of" in text(app)
        assert any("erm.lr" in row and "0.02" in row and "default 0.05" in row for row in rows(app))
        assert "erm.momentum" not in text(app)
        heads = next(row for row in rows(app) if "Differs from the defaults" in row)
        assert (heads.count("erm.lr") == 1) == (size[0] >= 116)


async def test_the_cursor_explains_what_it_comes_to(home):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, folder)
        await pilot.press("j")
        await until(pilot, lambda: "Side of the square in pixels." in text(app))
        await pilot.press("up")
        await until(pilot, lambda: "Initial learning rate." in text(app))
        await pilot.press("end")
        await until(pilot, lambda: "version" in rows(app)[-6])
        await pilot.press("home")
        await until(pilot, lambda: "Initial learning rate." in text(app))
        row = next(y for y, said in enumerate(rows(app)) if "prune.exclude" in said)
        await pilot.click(ConfigList, offset=(8, row))
        await until(pilot, lambda: "Layers that are never pruned" in text(app))


async def test_a_shows_all_settings_by_section_and_stays_where_one_is(home):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=(80, 40)) as pilot:
        await opened(pilot, folder)
        await pilot.press("a")
        await until(pilot, lambda: "erm.momentum" in text(app))
        assert app.panel.query_one(ConfigList).current.key == "erm.lr"
        await pilot.press("a")
        await until(pilot, lambda: "erm.momentum" not in text(app))
        assert app.panel.query_one(ConfigList).current.key == "erm.lr"


async def test_typing_filters_and_escape_takes_it_away(home):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=(80, 30)) as pilot:
        await opened(pilot, folder)
        await pilot.press("slash", *"moment")
        await until(pilot, lambda: "erm.momentum" in text(app) and "erm.epochs" not in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.focused, ConfigList))
        assert "Momentum of SGD." in text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "erm.epochs" in text(app) and "erm.momentum" not in text(app))
        await pilot.press("slash", "x", "escape")
        await until(pilot, lambda: isinstance(app.focused, ConfigList))
        assert app.panel.query_one(Input).value == ""


async def test_escape_without_a_filter_is_left_to_the_screen(home):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=(80, 30)) as pilot:
        await opened(pilot, folder)
        assert app.panel.check_action("filter_off", ()) is False
        await pilot.press("slash")
        assert app.panel.check_action("filter_off", ()) is True


async def test_nothing_is_painted_or_read_while_the_settings_stay(home, monkeypatch):
    folder = finished_run(home, config=CHANGED.model_dump(mode="json"))
    app = alone()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, folder)
        await all_read(pilot)
        asked, started = [], []
        refresh, ask = ConfigList.refresh, Reading.ask
        monkeypatch.setattr(ConfigList, "refresh", lambda self, *r, **o: (asked.append(r), refresh(self, *r, **o))[1])
        monkeypatch.setattr(Reading, "ask", lambda self, read: (started.append(read), ask(self, read))[1])
        snapshot = RunFeed(folder).poll()
        app.panel.show(snapshot)
        app.panel.show(snapshot)
        app.panel.show(replace(snapshot, record=replace(snapshot.record, seconds=99.0)))
        await pilot.pause()
        assert asked == started == []
        # A tag that a person gives is one line more.
        app.panel.show(replace(snapshot, record=replace(snapshot.record, tags=("new tag",))))
        await until(pilot, lambda: "new tag" in text(app))
        assert started == []


async def test_text_from_files_is_shown_as_text(home):
    evil = "[red]\x1b[2J"
    config = CHANGED.model_dump(mode="json") | {evil: {evil: evil}}
    folder, app = put(home, record(config=config, name=evil, note=evil, tags=(evil,))), alone()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, folder)
        shown = r"[red]\x1b[2J"
        assert sum(shown in row for row in rows(app)) >= 4
        assert any(f"{shown}.{shown}" in row for row in rows(app))


async def test_the_colours_follow_the_theme(home):
    folder, app = put(home, record()), alone()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, folder)
        strip = app.panel.query_one(ConfigList).render_line(2)
        app.palette = replace(SHELL, accent="#123456")
        app.theme = "nord"
        await until(pilot, lambda: app.panel.query_one(ConfigList).render_line(2) != strip)
        colours = {
            segment.style.color.name for segment in app.panel.query_one(ConfigList).render_line(2) if segment.style
        }
        assert "#123456" in colours
