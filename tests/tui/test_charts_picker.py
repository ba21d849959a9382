"""Choosing what is drawn: by keys, by mouse, by typed words."""

from prusc_tui.views.charts.picker import Choices
from prusc_tui.widgets.filter_bar import FilterBar
from tests.tui.charts_lab import Opened, Run, usual


async def test_the_picker_hides_behind_a_key_where_it_is_narrow():
    async with Opened(usual(), (80, 20)) as hand:
        assert not hand.picker.display
        width = hand.charts[0].size.width
        await hand.press("p")
        assert hand.picker.display
        assert hand.charts[0].size.width == width - 30
        assert isinstance(hand.pilot.app.focused, Choices)
        await hand.press("p")
        assert not hand.picker.display
        assert hand.pilot.app.focused is hand.panel
    async with Opened(usual(), (120, 30)) as hand:
        assert hand.picker.display
        assert hand.pilot.app.focused is hand.panel


async def test_the_picker_lists_stage_by_stage_and_marks_what_is_shown():
    async with Opened(usual().say("prune", "contrast", [4.0])) as hand:
        listed = hand.listed
        assert listed[0] == "✓ automatic"
        assert listed.index("erm") < listed.index("· loss") < listed.index("prune") < listed.index("✓ contrast")
        assert "· validation 5–9 · red" in listed


async def test_choosing_adds_and_takes_away_and_automatic_comes_back():
    async with Opened(usual()) as hand:
        await hand.press("p")
        await hand.choose("validation loss")
        assert [curve.name for curve in hand.charts[0].curves] == [""]
        assert hand.listed[0] == "· automatic"
        await hand.choose("validation 0–4 · red")
        names = [curve.name for curve in hand.charts[1].curves]
        assert names == ["worst group", "average", "0–4 · red"]
        await hand.choose("automatic")
        assert [curve.name for curve in hand.charts[1].curves] == ["worst group", "average"]


async def test_giving_up_the_last_choice_is_automatic_again():
    async with Opened(Run().say("erm", "loss", [1.0, 2.0])) as hand:
        await hand.press("p")
        await hand.choose("loss")
        assert hand.listed[0] == "✓ automatic"
        assert hand.titles == ["erm: loss"]


async def test_a_choice_stays_when_the_next_stage_begins():
    run = usual()
    async with Opened(run) as hand:
        await hand.press("p")
        await hand.choose("validation loss")
        run.say("prune", "contrast", [4.0])
        await hand.show(run)
        assert hand.titles == ["erm: loss", "erm: validation accuracy %"]
        assert "· contrast" in hand.listed


async def test_typed_words_filter_the_list_and_escape_ends_that():
    async with Opened(usual()) as hand:
        await hand.press("p", "slash", *"worst", "space", *"tes")
        assert hand.listed == ["✓ automatic", "erm", "· test worst group"]
        await hand.press("enter")
        await hand.choose("test worst group")
        assert any("test" in curve.name for chart in hand.charts for curve in chart.curves)
        await hand.press("slash", "escape")
        assert len(hand.listed) > 8
        assert not hand.panel.query_one(FilterBar).display
        await hand.press("escape")
        assert hand.pilot.app.focused is hand.panel


async def test_a_click_chooses():
    async with Opened(usual()) as hand:
        row = hand.listed.index("✓ validation loss")
        await hand.pilot.click(Choices, offset=(4, row))
        await hand.pilot.pause()
        assert hand.listed[row] == "· validation loss"


async def test_keys_of_the_charts_work_from_the_list_too():
    async with Opened(usual()) as hand:
        await hand.press("p", "s", "l")
        assert hand.charts[0].settings.smoothing == 0.5
        assert hand.charts[0].settings.log


async def test_names_of_series_are_no_markup():
    async with Opened(Run().say("erm", "[red]x\x1b[2J", [1.0, 2.0])) as hand:
        assert "· [red]x\\x1b[2J" in hand.listed or "✓ [red]x\\x1b[2J" in hand.listed
        assert "[red]x\\x1b[2J" in hand.charts[0].rows[0]
