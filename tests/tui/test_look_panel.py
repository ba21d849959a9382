"""The view of images of a group and of what networks look at: by key and by mouse, at every size."""

import pytest
from PIL import Image
from textual.widgets import Input

from tests.tui.lab import until
from tests.tui.look_lab import CELLS, Asked, Looked, look_of, opened


@pytest.fixture
def run(home):
    return Looked(home)


@pytest.fixture
def asked(monkeypatch):
    return Asked(monkeypatch)


# What is there


async def test_the_worst_group_is_chosen_and_nothing_is_computed_unasked(run, asked):
    async with opened(run, (80, 21)) as shown:
        rows = [line.split() for line in shown.lines("#choice")]
        assert rows[1] == ["images", "erm", "finetune"]
        assert rows[2][:6] == ["0–4", "·", "red", "2,400", "98.1", "97.5–98.6"]
        assert rows[3][:6] == ["▸", "0–4", "·", "green", "2,400", "63.7"]
        assert shown.lines("#page")[0].startswith("0–4 · green ─")
        assert "Not computed yet. Press ⏎ to compute" in shown.text
    assert asked.words == []


async def test_stored_images_are_shown_with_a_map_of_every_network(run, asked):
    run.store(look_of())
    async with opened(run) as shown:
        page = shown.lines("#page")
        assert page[0].startswith("0–4 · green  1–2 of 50 · mistakes of erm first · ")
        captions = next(line for line in page if "✗" in line)
        assert captions.split() == "100 0–4 · green ✗ 5–9 99 % erm ✓ 0–4 70 % finetune".split()  # noqa: SIM905
        picture = shown.pilot.app.query_one("#page")._strips[1]
        colours = [tuple(s.style.bgcolor.triplet) for s in picture if s.style is not None and s.style.bgcolor]
        yellow = [place for place, (red, _, blue) in enumerate(colours) if red - blue > 60]
        grey = [place for place, (red, green, blue) in enumerate(colours) if red == green == blue]
        # The image is grey, the map of the first network lies on its left half, that of the second on its right.
        assert yellow
        assert grey[0] < yellow[0] < grey[-1] < yellow[-1]
    assert asked.words == []


@pytest.mark.parametrize(
    ("size", "colour"),
    [((80, 21), True), ((80, 40), True), ((120, 37), True), ((200, 57), True), ((80, 21), False), ((120, 37), False)],
)
async def test_everything_fits_at_every_size(run, size, colour, monkeypatch):
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    run.store(look_of())
    async with opened(run, size) as shown:
        for _ in range(2):
            page, widget = shown.lines("#page"), shown.pilot.app.query_one("#page")
            assert len(page) <= widget.size.height
            assert {len(line) for line in page} == {widget.size.width}
            assert "✗" in page[-1] or "✓" in page[-1] or not page[-1].strip()  # no picture is cut
            assert ("▀" in "".join(page)) == colour
            assert any("finetune" in line for line in page)
            await shown.press("m")


async def test_a_run_without_an_evaluated_network_says_so(home, asked):
    async with opened(Looked(home, networks=())) as shown:
        assert "There is nothing to look at: the run is finished, and has no evaluated network." in shown.text
        await shown.press("enter", "right", "m", "b", "e", "plus", "down", "end")
    assert asked.words == []


# Keys


async def test_pages_are_turned_and_the_size_of_the_images_changes(run, asked):
    run.store(look_of())
    async with opened(run) as shown:
        assert "1–2 of 50" in shown.lines("#page")[0]
        await shown.press("right")
        assert "3–4 of 50" in shown.lines("#page")[0]
        assert "102 0–4" in " ".join(shown.lines("#page"))
        await shown.press("minus")
        assert shown.lines("#page")[0].split()[3] == "1–3"  # the page with the same first image
        await shown.press("plus")
        assert "3–4 of 50" in shown.lines("#page")[0]
        await shown.press("end")
        assert "15–16 of 50" in shown.lines("#page")[0]
        await shown.press("home", "left")
        assert "1–2 of 50" in shown.lines("#page")[0]
    assert asked.words == []


async def test_without_maps_there_are_more_images_on_a_page(run):
    run.store(look_of())
    async with opened(run) as shown:
        await shown.press("m")
        page = shown.lines("#page")
        assert "1–6 of 50" in page[0]
        assert next(line.split()[:5] for line in page if "finetune" in line) == ["✓", "0–4", "70", "%", "finetune"]
        await shown.press("m")
        assert "1–2 of 50" in shown.lines("#page")[0]


async def test_another_group_is_chosen_by_key_and_by_mouse(run):
    run.store(look_of())
    async with opened(run, (80, 21)) as shown:
        await shown.press("down")
        assert shown.lines("#page")[0].startswith("5–9 · red")
        assert "Not computed yet" in shown.text
        await shown.press("up")
        assert "of 50" in shown.lines("#page")[0]
        await shown.pilot.click("#choice", offset=(5, 2))
        await shown.press("j", "k")
        assert shown.lines("#page")[0].startswith("0–4 · red")


async def test_the_mistakes_of_the_other_network_may_come_first(run):
    run.store(look_of())
    run.store(look_of(by="finetune"))
    async with opened(run) as shown:
        await shown.press("b")
        assert "mistakes of finetune first" in shown.lines("#page")[0]
        await shown.press("b")
        assert "mistakes of erm first" in shown.lines("#page")[0]


async def test_the_page_is_written_as_a_picture_and_nothing_is_replaced(run, tmp_path):
    run.store(look_of())
    file = tmp_path / "new" / "page.png"
    async with opened(run) as shown:
        for _ in range(2):
            await shown.press("right", "e")
            shown.pilot.app.screen.query_one(Input).value = str(file)
            await shown.press("enter")
            await until(shown.pilot, file.exists)
        assert "is already there" in shown.text
        await shown.press("escape")
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert picture.size[1] > 160


# Other processes


async def test_maps_are_computed_on_request_beside_the_screen_and_stored(run, asked):
    asked.answer = lambda _: run.store(look_of())
    async with opened(run) as shown:
        await shown.press("enter")
        await until(shown.pilot, lambda: "1–2 of 50" in shown.lines("#page")[0])
    words = ("look", run.folder.id, "--group=0–4 · green", "--by=erm", "--limit=16", "--device=cpu", "--json")
    assert asked.words == [words]
    async with opened(run) as shown:
        assert "1–2 of 50" in shown.lines("#page")[0]
    assert len(asked.words) == 1


async def test_a_page_that_is_not_stored_is_computed_and_turned_to(run, asked):
    run.store(look_of())
    asked.answer = lambda _: run.store(look_of(32))
    async with opened(run) as shown:
        await shown.press("end", "right")
        await until(shown.pilot, lambda: "17–18 of 50" in shown.lines("#page")[0])
        assert asked.words[0][4] == "--limit=32"
        assert "116 0–4" in " ".join(shown.lines("#page"))


async def test_what_cannot_be_computed_is_one_sentence_and_can_be_asked_for_again(run, asked):
    asked.sentence = "the data is gone"
    async with opened(run) as shown:
        await shown.press("enter")
        await until(shown.pilot, lambda: "Cannot be computed: the data is gone" in shown.text)
        await shown.press("enter")
        await until(shown.pilot, lambda: len(asked.words) == 2)


async def test_cells_are_counted_once_and_the_worst_one_is_chosen(run, asked):
    run.store_cell(1)
    asked.out = '{"cells": []}'
    asked.answer = lambda _: run.count_cells()
    async with opened(run, (80, 21)) as shown:
        await shown.press("c")
        await until(shown.pilot, lambda: "Cells of the validation split" in shown.text)
        assert asked.words == [("look", run.folder.id, "--list", "--json")]
        # The last one is worse, but has five images only.
        assert shown.lines("#page")[0].startswith(f"{CELLS[1]}  1 of 2")
        await shown.press("c")
        assert "Groups of the test split" in shown.text
        await shown.press("c")
        assert "Cells of the validation split" in shown.text
    assert len(asked.words) == 1


async def test_a_run_without_pseudo_groups_of_the_images_says_so(run, asked):
    asked.out = '{"cells": null}'
    async with opened(run) as shown:
        await shown.press("c")
        await until(shown.pilot, lambda: "no pseudo-groups of validation images" in shown.text)
        await shown.press("c")
        assert "Groups of the test split" in shown.text
