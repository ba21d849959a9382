"""Images with maps over them: as stored, as a picture, and as lines of text."""

from dataclasses import replace

import numpy as np
import pytest

from core.explore.look import overlaid, read_look, write_look
from core.explore.sheet import sheet
from prusc_tui.palette import SHELL
from prusc_tui.report.look import looked
from tests.explore.look_lab import look_of


def test_where_the_map_is_zero_the_image_is_grey_and_elsewhere_it_moves_towards_the_colour():
    image = np.full((2, 2, 3), 100, np.uint8)
    heat = np.array([[0, 255], [0, 128]], np.uint8)
    drawn = overlaid(image, heat)
    assert (drawn[:, 0] == 100).all()
    assert drawn[0, 1].tolist() == [216, 192, 70]  # a quarter of the image and three of the brightest colour
    assert overlaid(np.array([[[200, 0, 0]]], np.uint8), heat[:1, :1])[0, 0].tolist() == [60, 60, 60]
    assert (np.abs(drawn[1, 1].astype(int) - 100) < np.abs(drawn[0, 1].astype(int) - 100)).any()


def test_it_reads_what_it_wrote(tmp_path):
    look = look_of()
    write_look(tmp_path / "look.safetensors", look)
    again = read_look(tmp_path / "look.safetensors")
    assert again.to_json() == look.to_json()
    assert np.array_equal(again.images, look.images)
    assert np.array_equal(again.maps, look.maps)
    assert len(again.part(0, 2).seen) == len(again.part(0, 2).images) == again.part(0, 2).maps.shape[1] == 2
    both = again.part(0, 2).and_then(again.part(2, 5))
    assert both.to_json() == look.to_json()
    assert np.array_equal(both.maps, look.maps)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_what_cannot_be_read_is_nothing(tmp_path, damage):
    file = tmp_path / "look.safetensors"
    if damage == "cut":
        write_look(file, look_of())
        file.write_bytes(file.read_bytes()[:-9])
    assert read_look(file) is None


@pytest.mark.parametrize("networks", [1, 2])
def test_the_picture_has_every_image_as_it_is_and_with_its_maps(networks):
    look = look_of(3, networks)
    white = replace(look, images=np.full_like(look.images, 255), maps=np.zeros_like(look.maps))
    picture = np.asarray(sheet(white, "A group", "a note"))
    assert (picture == 255).all(axis=2).sum() >= 3 * (1 + networks) * 160 * 160


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("colour", [True, False])
def test_lines_have_the_width_and_say_what_each_network_predicts(width, colour):
    lines = looked(look_of(), width, SHELL, colour=colour)
    assert {line.cell_len for line in lines} == {width}
    text = " ".join(line.plain for line in lines)
    assert "Group 5–9 · red" in text
    assert "20.0 %" in text
    if width >= 80:
        assert "✗ 0–4 99 % erm" in text
        assert "✓ 5–9 70 % fi" in text
    assert ("▀" in text) == colour


def test_names_from_outside_cannot_move_the_cursor():
    look = replace(look_of(), title="\x1b[2J", stages=("\x1b[2J", "b"), by="b")
    assert "\x1b" not in "".join(line.plain for line in looked(look, 100, SHELL))
