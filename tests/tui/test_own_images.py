"""A folder of one's own images on the screen: proposed, corrected, written, and looked at."""

import asyncio
import tomllib
from functools import partial

import pytest
from textual.widgets import Static

from prusc_tui.screens.data import pictures
from prusc_tui.screens.data.own import OwnScreen
from prusc_tui.screens.data.screen import DataScreen
from prusc_tui.widgets.quiet import QuietInput
from tests.data import photo_lab
from tests.data.photo_lab import edit
from tests.tui import lab
from tests.tui.form_lab import Shell, said


@pytest.fixture
def folder(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(pictures, "_SEEN", {})
    photo_lab.plain(tmp_path / "data", n=60)
    edit(tmp_path / "data/metadata.csv", "path,label,background,split", "path,one,two,split")
    return tmp_path / "data"


until = partial(lab.until, seconds=90)  # two processes begin


def run(folder, body):
    async def meet():
        app = Shell(DataScreen("colored-mnist"))
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, DataScreen))
            await pilot.press("o")
            await until(pilot, lambda: not isinstance(app.screen, DataScreen))
            app.screen.query_one(QuietInput).value = str(folder)
            await pilot.press("enter")
            await until(pilot, lambda: not app.screen.is_modal)
            await body(pilot, app)

    asyncio.run(meet())


def test_a_proposal_is_corrected_and_written_and_the_folder_is_then_among_the_names(folder):
    async def body(pilot, app):
        screen = app.screen
        assert isinstance(screen, OwnScreen)
        names = ("label", "attribute", "split", "path", "table")
        fields = {name: screen.query_one(f"#{name}", QuietInput) for name in names}
        await until(pilot, lambda: fields["label"].value == "one" and "▀" in said(app))
        assert [field.value for field in fields.values()] == ["one", "two", "split", "path", "metadata.csv"]
        assert "high · level" in said(app)
        assert "which column is the label?" in str(screen.query_one("#said", Static).content)
        fields["label"].value, fields["attribute"].value, fields["path"].value = "two", "one", ""
        await pilot.press("enter")
        await until(pilot, lambda: "level · high" in said(app))
        assert fields["path"].value == "path"
        assert not (folder / "prusc.toml").exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        data = tomllib.loads((folder / "prusc.toml").read_text())["data"]
        assert (data["label_column"], data["attribute_columns"]) == ("two", ["one"])
        await until(pilot, lambda: "level · high" in said(app))
        await pilot.press("n")
        assert app.opened == [("new", str(folder))]

    run(folder, body)


def test_a_folder_that_does_not_fit_is_a_sentence(folder):
    (folder / "metadata.csv").write_text("path,one\nimages/0/00000.png\n")

    async def body(pilot, app):
        await until(pilot, lambda: "line 2: has 1 columns" in str(app.screen.query_one("#said", Static).content))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "line 2: has 1 columns" in str(app.screen.query_one("#said", Static).content))
        assert not (folder / "prusc.toml").exists()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))

    run(folder, body)
