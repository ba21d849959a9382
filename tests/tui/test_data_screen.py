"""The data sets on the screen: counts, agreement, sample images, and reading that does not get in the way."""

import asyncio
import threading

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from textual.strip import Strip

from core import discovery
from core.data.dataset import DataSet, Split
from core.data.sample import first_images
from core.errors import InputError
from core.groups import group_titles
from experiments import catalog
from experiments.catalog import Preset, preset_names
from experiments.data.sets import data_sets
from prusc_tui.palette import SHELL
from prusc_tui.screens.data import pictures
from prusc_tui.screens.data import screen as data
from prusc_tui.screens.data.parts import facts, group_bars, side_by_side
from prusc_tui.screens.data.pictures import DataLook, Looker
from prusc_tui.screens.data.screen import DataScreen
from prusc_tui.widgets.picture import Picture
from tests.tui.form_lab import Shell, said
from tests.tui.lab import rows, until

RNG = np.random.default_rng(0)
COUNTS = {"train": (90, 5, 3, 102), "validation": (9, 9, 9, 9)}


def dataset():
    """Two labels, two colours, noise for images; the groups have the sizes of COUNTS."""
    splits = {}
    for name, counts in COUNTS.items():
        number = RNG.permutation(np.repeat(np.arange(4), counts))
        images = RNG.integers(0, 256, (len(number), 3, 12, 10), dtype=np.uint8)
        splits[name] = Split(images, number // 2, number[:, None] % 2, np.arange(len(number)))
    return DataSet("toy", ("no", "yes"), {"colour": ("red", "green")}, splits, (0.5,) * 3, (1.0,) * 3, "abcd")


def about(found):
    """What `prusc data show --json` says of it."""
    titles = group_titles(found.label_names, found.attributes)
    splits = {
        name: {
            "n": sum(counts),
            "agreement": {"colour": (counts[0] + counts[3]) / sum(counts)},
            "groups": [
                {"label": label, "attributes": values, "n": n, "share": n / sum(counts)}
                for (label, values), n in zip(titles, counts, strict=True)
            ],
            "environments": [],
        }
        for name, counts in COUNTS.items()
    }
    return {
        "name": "toy",
        "fingerprint": "abcd",
        "settings": {"label_noise": 0.25, "evaluation": "balanced", "seed": 3},
        "image_shape": [3, 12, 10],
        "labels": list(found.label_names),
        "attributes": {name: list(values) for name, values in found.attributes.items()},
        "splits": splits,
    }


def samples_of(found):
    """The images that the screen shows of it."""
    return {
        name: tuple(tuple(map(Image.fromarray, images)) for images in first_images(found, name))
        for name in found.splits
    }


def drawn(images, width, **how):
    return [Strip(line.render(Console())) for line in side_by_side(images, width, **how)]


def test_an_image_is_drawn_two_pixels_to_a_cell():
    pixels = RNG.integers(0, 256, (28, 28, 3), dtype=np.uint8)
    strips = drawn([Image.fromarray(pixels)], 40)
    assert len(strips) == 14
    for y, strip in enumerate(strips):
        cells = [(character, segment.style) for segment in strip for character in segment.text]
        assert len(cells) == 28
        for x, (character, style) in enumerate(cells):
            upper, lower = tuple(pixels[2 * y, x]), tuple(pixels[2 * y + 1, x])
            assert character == "▀" or upper == lower
            assert tuple(style.bgcolor.triplet) == lower
            assert character == " " or tuple(style.color.triplet) == upper
    plain = drawn([Image.fromarray(pixels)], 40, colour=False)
    assert [strip.cell_length for strip in plain] == [28] * 14
    assert all("\u2800" <= character <= "\u28ff" or character == " " for strip in plain for character in strip.text)


@pytest.mark.parametrize("width", [5, 30, 58, 90, 150, 300])
def test_as_many_images_as_fit_stand_side_by_side(width):
    images = [Image.new("RGB", (28, 28))] * 8
    for strip in drawn(images, width):
        assert strip.cell_length <= width
        assert strip.cell_length >= min(width, 8 * 28) * 0.6


def test_bars_are_as_long_as_the_shares():
    split = about(dataset())["splits"]["train"]
    lines = group_bars(split, 60, SHELL).plain.splitlines()
    assert [line.split()[:5] for line in lines] == [
        ["no", "·", "red", "90", "45.0%"],
        ["no", "·", "green", "5", "2.5%"],
        ["yes", "·", "red", "3", "1.5%"],
        ["yes", "·", "green", "102", "51.0%"],
    ]
    lengths = [line.count("█") for line in lines]
    assert max(len(line) for line in lines) == 60
    assert lengths[0] == pytest.approx(lengths[3] * 90 / 102, abs=1)
    assert lengths[1] == pytest.approx(lengths[3] * 5 / 102, abs=1)


def run(screen, body, size=(80, 24)):
    async def meet():
        app = Shell(screen)
        async with app.run_test(size=size) as pilot:
            await body(pilot, app, screen)

    asyncio.run(meet())


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch):
    monkeypatch.setattr(pictures, "_SEEN", {})


@pytest.fixture
def toy(monkeypatch):
    """Every data set is the toy under its own name; the names are collected in the order in which they are read."""
    found = dataset()
    samples = samples_of(found)
    read = []

    def look(self):
        read.append(self.name)
        return DataLook(about(found) | {"name": f"toy of {self.name}"}, samples)

    monkeypatch.setattr(Looker, "read", look)
    return read


def test_counts_agreement_and_images_of_a_split_and_of_the_next(toy):
    async def body(pilot, app, screen):
        await until(pilot, lambda: "10 × 12, 3 channels" in said(app))
        text = said(app)
        assert "25.0%" in text
        assert "▸ train           200 images   colour = label 96.0%" in text
        assert "validation       36 images   colour = label 50.0%" in text
        assert "no · red          90  45.0%" in text
        assert "█…" not in text
        await pilot.press("s")
        await until(pilot, lambda: "▸ validation       36" in said(app))
        assert "no · red           9  25.0%" in said(app)
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: "▀" in said(app))
        assert screen.query_one(Picture).size.height == 4 * (1 + 8) + 3

    run(DataScreen("patch-mnist"), body)


def test_given_environments_are_shown_with_the_split_that_has_them(monkeypatch):
    found = dataset()
    told = about(found)
    told["splits"]["train"]["environments"] = [
        {"name": "colour noise 20 %", "n": 25_000, "conflicts": 5_000, "conflict_share": 0.2},
        {"name": "noon [red]\x1b[2J", "n": 75, "conflicts": 6, "conflict_share": 0.08},
    ]
    samples = samples_of(found)
    monkeypatch.setattr(Looker, "read", lambda self: DataLook(told, samples))

    async def body(pilot, app, screen):
        await until(pilot, lambda: "given environment" in said(app))
        lines = [" ".join(row.split()) for row in rows(app)]
        assert any(line.endswith("given environment images conflicts") for line in lines)
        assert any(line.endswith("colour noise 20 % 25,000 20.0%") for line in lines)
        assert any(line.endswith("noon [red]\\x1b[2J 75 8.0%") for line in lines)
        await pilot.press("s")
        await until(pilot, lambda: "▸ validation" in said(app))
        assert "given environment" not in said(app)
        await pilot.press("s")
        await until(pilot, lambda: "given environment" in said(app))

    run(DataScreen("cmnist"), body)


def test_facts_are_those_of_the_kind_of_data():
    assert "published" not in facts(about(dataset()), SHELL).plain
    told = about(dataset())
    assert "validation and test balanced" in " ".join(facts(told, SHELL).plain.split())
    told |= {"settings": {"label_noise": 0.25, "seed": 3, "grey": True}, "image_shape": [1, 14, 14]}
    words = " ".join(facts(told, SHELL).plain.split())
    assert "validation and test" not in words
    assert "14 × 14, 1 channel, colours merged into one channel" in words


def test_the_cursor_moves_through_data_sets_and_presets(toy, monkeypatch):
    last = [name for name in preset_names() if name not in data_sets()][-1]
    monkeypatch.setattr(data, "missing", lambda name: "")

    async def body(pilot, app, screen):
        await until(pilot, lambda: "toy of colored-mnist" in said(app))
        await pilot.press("end")
        await until(pilot, lambda: f"toy of {last}" in said(app))
        assert toy == ["colored-mnist", last]
        await pilot.press("n")
        assert app.opened == [("new", last)]
        await pilot.press("q")
        await until(pilot, lambda: not screen.is_attached)

    run(DataScreen(), body, (120, 40))


@pytest.mark.parametrize("name", ["waterbirds", "celeba", "isic", "folder"])
def test_a_data_set_in_a_folder_says_what_it_is_and_what_it_needs_and_nothing_is_read(toy, name):
    async def body(pilot, app, screen):
        await until(pilot, lambda: "is not bundled" in said(app))
        text = " ".join(" ".join(row[25:].split()) for row in rows(app))
        assert f"Data {name}" in " ".join(rows(app)[0].split())
        assert data_sets()[name] in text
        assert f"{name} is not bundled; pass its folder with --data-root FOLDER" in text
        assert "✗" not in text
        await pilot.press("home")
        await until(pilot, lambda: "toy of colored-mnist" in said(app))
        assert toy == ["colored-mnist"]

    run(DataScreen(name), body)


def test_a_preset_that_names_a_folder_is_read(toy, monkeypatch, tmp_path):
    presets = {
        "with": Preset("with", "", {"recipe": "erm", "data": {"name": "waterbirds", "root": str(tmp_path)}}),
        "without": Preset("without", "", {"recipe": "erm", "data": {"name": "waterbirds"}}),
    }
    monkeypatch.setattr(catalog, "preset_names", lambda: list(presets))
    monkeypatch.setattr(catalog, "get_preset", presets.__getitem__)

    async def body(pilot, app, screen):
        await until(pilot, lambda: "toy of with" in said(app))
        await pilot.press("down")
        await until(pilot, lambda: "waterbirds is not bundled" in said(app))
        assert toy == ["with"]

    run(DataScreen("with"), body)


def test_counts_stand_beside_those_that_were_published(monkeypatch):
    found = dataset()
    told = about(found)
    told["splits"]["train"]["published"] = 4_795
    for group, published in zip(told["splits"]["train"]["groups"], (90, 1_840, 3, 102), strict=True):
        group["published"] = published
    samples = samples_of(found)
    monkeypatch.setattr(Looker, "read", lambda self: DataLook(told, samples))

    async def body(pilot, app, screen):
        await until(pilot, lambda: "no · red" in said(app) and "published count" in said(app))
        lines = [" ".join(row[25:].split()) for row in rows(app)]
        assert any(line.startswith("▸ train 200 ≠ 4,795 colour = label 96.0%") for line in lines)
        assert any(line.startswith("published ✓ same, ≠ published count") for line in lines)
        assert any(line.startswith("no · red 90 ✓ 45.0%") for line in lines)
        assert any(line.startswith("no · green 5 ≠ 1,840 2.5%") for line in lines)

    run(DataScreen("patch-mnist"), body)


def test_what_is_read_too_late_is_not_shown_and_its_reading_is_cancelled(monkeypatch):
    found = dataset()
    go_on, waiting, cancelled = threading.Event(), threading.Event(), []

    def look(self):
        if self.name == "colored-mnist":
            waiting.set()
            go_on.wait(10)
        return DataLook(about(found) | {"name": f"toy of {self.name}"}, dict.fromkeys(COUNTS, ((),) * 4))

    monkeypatch.setattr(Looker, "read", look)
    monkeypatch.setattr(Looker, "cancel", lambda self: cancelled.append(self.name))

    async def body(pilot, app, screen):
        await until(pilot, waiting.is_set)
        assert "reading colored-mnist…" in said(app)
        await pilot.press("down")
        await until(pilot, lambda: "toy of patch-mnist" in said(app))
        go_on.set()
        while any(thread.name == "look-colored-mnist" for thread in threading.enumerate()):
            await pilot.pause(0.01)
        await until(pilot, lambda: "toy of patch-mnist" in said(app))
        assert cancelled == ["colored-mnist"]

    run(DataScreen(), body)


def test_a_package_that_cannot_be_used_is_a_notification(toy):
    discovery.complain("'mine' is left out: [red]no such module")

    async def body(pilot, app, screen):
        await until(pilot, lambda: any("[red]no such module" in note.message for note in app._notifications))

    try:
        run(DataScreen(), body, (120, 24))
    finally:
        discovery.forget()


def test_what_cannot_be_read_is_a_sentence(monkeypatch):
    def refuse(self):
        raise InputError(f"unknown data set '{self.name}' [red]\x1b[2J")

    monkeypatch.setattr(Looker, "read", refuse)

    async def body(pilot, app, screen):
        await until(pilot, lambda: "✗ unknown data set 'nowhere' [red]\\x1b[2J" in said(app))

    run(DataScreen("nowhere"), body, (120, 24))


def test_a_real_data_set_is_read_by_a_process_of_its_own_once(at_once):
    first = Looker("patch-mnist").read()
    assert sum(group["n"] for group in first.about["splits"]["train"]["groups"]) == 30_000
    assert [len(images) for images in first.samples["test"]] == [8] * 4
    assert {image.size for images in first.samples["train"] for image in images} == {(28, 28)}
    # On training images the patch goes with the label: it is the part that is neither black nor grey.
    coloured = [
        np.mean([np.ptp(np.asarray(image), axis=2).max() > 40 for image in images]) for images in first.samples["train"]
    ]
    assert set(coloured) == {0.0, 1.0}
    assert Looker("patch-mnist").read() is first


def test_the_real_data_of_invariant_learning_comes_with_its_environments_in_red_and_green(at_once):
    look = Looker("cmnist").read()
    train = look.about["splits"]["train"]
    assert [(each["n"], each["conflict_share"]) for each in train["environments"]] == [(25_000, 0.2), (25_000, 0.1)]
    for number, images in enumerate(look.samples["test"]):
        assert len(images) == 8
        for image in images:
            assert image.size == (14, 14)
            lit = np.asarray(image).any(axis=(0, 1)).tolist()
            assert lit == [number % 2 == 0, number % 2 == 1, False]


def test_reading_can_be_cancelled_and_errors_are_the_command_lines(monkeypatch):
    with pytest.raises(InputError, match="unknown data set 'moon'"):
        Looker("moon").read()
    looker = Looker("demo")
    looker.cancel()
    assert looker.read() is None
    looker, answers = Looker("demo"), []
    thread = threading.Thread(target=lambda: answers.append(looker.read()))
    thread.start()
    while looker._process is None:
        assert thread.is_alive()
    looker.cancel()
    thread.join(30)
    assert answers == [None]
    assert looker._process.returncode != 0
