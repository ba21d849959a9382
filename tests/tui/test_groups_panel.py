"""The view of pseudo-groups: table, map and images of a run, by key and by mouse, at every size."""

import pytest
from textual.widgets import Input

from core.events import StageFinished, StageStarted
from core.feed.feed import RunFeed
from core.runs.home import Home
from core.runs.stream import EventWriter
from experiments import subprocesses
from prusc_tui.widgets.picture import Picture
from tests.tui.groups_lab import FoundRun, Run, braille, opened
from tests.tui.lab import NOW, all_read, put, record_of, until

# What is there


async def test_clusters_are_told_by_group_with_choice_alarms_and_the_balanced_set(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        table = shown.lines("#table")
        text = " ".join(shown.text.split())
        assert "Why: k = 2 at epoch 0.5 gives the largest" in text
        assert "48 entries of 120 images" in text
        assert r"! Class '0–4' has \x1b[31m few [red]samples." in text
        assert "Keep ratio" not in text  # the alarm of another stage
    assert [row.split() for row in table[1:]] == [
        ["0–4", "5–9"],
        ["red", "green", "red", "green", "images", "largest", "balanced"],
        ["▸", "0", "48", "·", "12", "·", "60", "80", "%", "0–4", "24"],
        ["1", "·", "12", "·", "48", "60", "80", "%", "5–9", "24"],
    ]


async def test_the_map_and_the_images_are_read_and_drawn(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        found, images = shown.lines("#map"), shown.lines("#images")
        assert found[0].startswith("Map by PCA  by label · ")
        assert found[-1].split() == ["●", "0–4", "60", "○", "5–9", "60"]
        assert braille("".join(found[1:-1]))
        assert images[0].startswith("Cluster 0  60 images · 24 balanced · ✓ right ✗ wrong")
        assert images[1].split() == ["0–4", "48", "images,", "80", "%", "≠", "5–9", "12", "images,", "20", "%"]
        assert "✓ red" in "".join(images)
        assert "green" not in "".join(images)
        # The very pixels: a red square on black.
        colours = {
            tuple(segment.style.bgcolor.triplet)
            for strip in shown.pilot.app.query_one("#images")._strips[2:4]
            for segment in strip
            if segment.style and segment.style.bgcolor
        }
        assert (250, 0, 0) in colours
        assert (0, 0, 0) in colours


async def test_without_attributes_there_are_classes_and_no_colour_by_group(tmp_path):
    async with opened(Run(tmp_path, attributes=False)) as shown:
        assert shown.lines("#table")[0].startswith("Pseudo-groups by class")
        assert shown.lines("#table")[2].split() == ["0–4", "5–9", "images", "largest", "balanced"]
        seen = []
        for _ in range(3):
            seen.append(shown.lines("#map")[0].split("by ")[2].split(" ·")[0])
            await shown.press("c")
        assert seen == ["label", "pseudo-group", "correctness at epoch 0.5"]


async def test_any_finder_is_told_with_its_quality_and_the_pseudo_groups_have_their_names(tmp_path):
    async with opened(FoundRun(tmp_path)) as shown:
        text = " ".join(shown.lines("#facts"))
        text = " ".join(text.split())
        assert text.startswith("Finder biased networks, 1 round ")
        assert "Conflict samples: 24 found, precision 100.0 %, recall 80.0 % (for information only)." in text
        assert "Worst cell of ERM on validation 21.1 % (average 95.1 %), 84.2 % with its head refitted" in text
        assert "biased was chosen from 2 finders." in text
        assert "! The biased network is slow." in text
        table = shown.lines("#table")
        assert table[0].startswith("Pseudo-groups by class  shade: share of the row · 1 empty")
        assert [row.split()[:3] for row in table[3:]] == [["▸", "predicted", "0–4"], ["predicted", "5–9", "12"]]
        await shown.press("j", "j")  # an empty one has no row
        assert shown.panel.chosen == 1
        await shown.press("c")
        assert shown.lines("#map")[-1].split() == ["●", "predicted", "0–4", "60", "○", "predicted", "5–9", "60"]
        await shown.press("c", "c")
        assert "by correctness of ERM" in shown.lines("#map")[0]


async def test_agreeing_images_are_beside_contradicting_ones_with_confidence(tmp_path):
    async with opened(FoundRun(tmp_path), size=(200, 57)) as shown:
        images = shown.lines("#images")
        assert images[0].startswith("Predicted 0–4  60 images · ✓ right ✗ wrong, confidence in % · ≠ contradicts")
        agreeing, contradicting = images[1].split("≠")
        assert agreeing.split() == ["0–4", "48", "images,", "80", "%"]
        assert contradicting.split() == ["5–9", "12", "images,", "20", "%"]
        captions = next(line for line in images if "✓" in line and "✗" in line and "right" not in line)
        assert "✓" not in captions[captions.index("✗") :]
        assert {word for word in captions.split() if word.isdigit()}


async def test_without_stored_conflicts_the_largest_class_agrees(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        await shown.press("j")
        assert shown.lines("#images")[1].split()[0] == "5–9"
        assert "≠ 0–4" in shown.lines("#images")[1]


# All conflict samples


async def test_all_conflict_samples_are_paged_through_the_surest_mistakes_first(tmp_path):
    async with opened(FoundRun(tmp_path), size=(80, 15)) as shown:
        assert not shown.pilot.app.query_one("#conflicts").display
        await shown.press("i")
        first = shown.lines("#conflicts")
        assert first[0].startswith("Conflict samples  page 1 of 2 · 24 conflict samples · ← → turn")
        assert "Pseudo-groups by" not in shown.text
        words = " ".join(first).split()
        sure = [int(word) for word in words[words.index("✗") :] if word.isdigit()]
        assert sure[0] == 99
        assert sure == sorted(sure, reverse=True)
        assert "is 5–9 · red" not in first[1]
        await shown.press("right", "right", "pagedown", "down")  # there are only two
        assert "page 2 of 2" in shown.lines("#conflicts")[0]
        await shown.press("home")
        assert shown.lines("#conflicts") == first
        await shown.press("end", "left")
        assert shown.lines("#conflicts") == first
        await shown.press("escape")
        assert "Pseudo-groups by" in shown.text
        assert shown.panel.chosen == 0


async def test_the_page_keeps_its_first_image_when_the_terminal_grows(tmp_path):
    async with opened(FoundRun(tmp_path), size=(80, 12)) as shown:
        await shown.press("i", "right")
        before = shown.panel._first
        assert before > 0
        await shown.pilot.resize_terminal(120, 37)
        await until(shown.pilot, lambda: "page 1 of 1" in shown.lines("#conflicts")[0])
        assert shown.panel._first == before
        await shown.press("left")
        assert "page 1 of 1" in shown.lines("#conflicts")[0]


async def test_an_earlier_version_stored_no_conflict_samples(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        await shown.press("i", "right", "end")
        assert "This run stored no images of conflict samples." in shown.text
        await shown.press("i")
        assert "Pseudo-groups by" in shown.text


# Export


async def test_the_table_is_written_by_another_process_and_said_how_to_be_given_back(tmp_path, monkeypatch):
    asked = []

    def run(module, *words, home=None):
        asked.append((module, *words))
        return '{"file": "f", "again": "prusc run --from abc:erm --groups f"}'

    monkeypatch.setattr(subprocesses, "run", run)
    given = FoundRun(tmp_path)
    there = tmp_path / "there.csv"
    there.write_text("index,group\n")
    async with opened(given) as shown:
        await shown.press("e")
        line = shown.pilot.app.screen.query_one(Input)
        assert line.value == "export/demo/groups.csv"
        for value, why in ((str(there), "exists, perhaps"), ("", "needs a file")):
            line.value = value
            await shown.press("enter")
            assert why in shown.text
        line.value = str(tmp_path / "new.csv")
        await shown.press("enter")
        await all_read(shown.pilot)
        await shown.pilot.pause()
        assert asked == [("prusc_tui", "export", given.folder.id, f"--groups={tmp_path / 'new.csv'}", "--json")]
        said = [notification.message for notification in shown.pilot.app._notifications]
        assert any("prusc run --from abc:erm --groups f" in message for message in said)


# Keys and mouse


async def test_keys_choose_a_cluster_for_table_map_and_images(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        before = shown.lines("#map")
        await shown.press("j")
        assert shown.panel.chosen == 1
        assert [row[0] for row in shown.lines("#table")[3:]] == [" ", "▸"]
        assert shown.lines("#images")[0].startswith("Cluster 1  60 images")
        assert "✓ green" in "".join(shown.lines("#images"))
        assert shown.lines("#map") == before  # the same dots, others stand out
        bold = {
            segment.style.bold
            for strip in shown.pilot.app.query_one("#map")._strips[1:-1]
            for segment in strip
            if segment.text.strip()
        }
        assert bold == {True, None}
        await shown.press("down", "j")
        assert shown.panel.chosen == 1  # there are only two
        await shown.press("k")
        assert shown.panel.chosen == 0
        await shown.press("up")
        assert shown.panel.chosen == 0


async def test_a_click_chooses_a_row(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        await shown.pilot.click("#table", offset=(10, 4))
        await shown.pilot.pause()
        assert shown.panel.chosen == 1
        assert shown.lines("#images")[0].startswith("Cluster 1")
        await shown.pilot.click("#table", offset=(10, 1))  # a heading
        await shown.pilot.pause()
        assert shown.panel.chosen == 1


async def test_the_colour_goes_round(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        legends = []
        for _ in range(5):
            legends.append(" ".join("".join(row for row in shown.lines("#map")[-2:] if not braille(row)).split()))
            await shown.press("c")
    assert legends == [
        "● 0–4 60 ○ 5–9 60",
        "● cluster 0 60 ○ cluster 1 60",
        "● 0–4 · red 48 ○ 0–4 · green 12 ■ 5–9 · red 12 □ 5–9 · green 48",
        "✓ right 120",
        "● 0–4 60 ○ 5–9 60",
    ]


# Life of a run


async def test_before_the_clusters_the_panel_says_what_is_waited_for(tmp_path):
    folder = put(Home.open(tmp_path), record_of(status="stopped"))
    run = type("Run", (), {"folder": folder, "feed": RunFeed(folder, lambda: NOW)})()
    async with opened(run) as shown:
        assert "There are no pseudo-groups: the run is stopped" in shown.text
        await shown.press("j", "c", "m", "v")
        assert shown.pilot.app.query_one("#map").display is not None  # no key does harm


async def test_the_map_is_read_when_the_stage_has_stored_it(tmp_path):
    run = Run(tmp_path, stored=False, done=False)
    async with opened(run) as shown:
        assert "The map appears when the stage is done." in shown.text
        await shown.press("m")  # nothing to compute from yet
        run.store()
        with EventWriter(run.folder.events) as writer:
            writer.write(StageFinished("cluster", 1.0), NOW)
        await shown.show()
        assert shown.lines("#map")[0].startswith("Map by PCA")
        assert shown.lines("#images")[1].startswith("0–4")


async def test_nothing_is_sent_again_where_nothing_changed(tmp_path, monkeypatch):
    run = Run(tmp_path)
    async with opened(run) as shown:
        sent = []
        monkeypatch.setattr(Picture, "refresh", lambda self, *a, **k: sent.append(self) or self)
        with EventWriter(run.folder.events) as writer:
            writer.write(StageStarted("prune", 100), NOW)  # the run goes on
        await shown.show()
        assert sent == []
        await shown.press("j")
        assert sent  # the probe works


# Sizes


async def test_on_a_small_screen_one_view_at_a_time(tmp_path):
    async with opened(Run(tmp_path), size=(80, 21)) as shown:
        seen = [("Pseudo-groups by" in shown.text, "Map by" in shown.text)]
        for _ in range(3):
            await shown.press("v")
            seen.append(("Pseudo-groups by" in shown.text, "Map by" in shown.text))
            if len(seen) == 3:
                assert shown.text.lstrip().startswith("Cluster 0  60 images")
        assert seen == [(True, False), (False, True), (False, False), (True, False)]


@pytest.mark.parametrize("size", [(120, 37), (200, 57), (80, 57)])
async def test_where_there_is_room_all_is_there_at_once(tmp_path, size):
    async with opened(Run(tmp_path), size=size) as shown:
        for title in ("Finder", "Pseudo-groups by group", "Cluster 0", "Map by PCA"):
            assert title in shown.text
        before = shown.text
        await shown.press("v")
        assert shown.text == before


async def test_growing_and_shrinking_keeps_everything_in_place(tmp_path):
    async with opened(Run(tmp_path), size=(200, 57)) as shown:
        await shown.pilot.resize_terminal(80, 21)
        await until(shown.pilot, lambda: "Map by" not in shown.text and "Pseudo-groups by group" in shown.text)
        await shown.pilot.resize_terminal(120, 37)
        await until(shown.pilot, lambda: "Map by PCA" in shown.text and "✓ red" in shown.text)


async def test_without_colour_the_map_has_marks_and_the_images_dots(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(Run(tmp_path)) as shown:
        points = "".join(shown.lines("#map")[1:-1])
        assert {"●", "○", "·"} <= set(points)
        assert not braille(points)
        pictures = "".join(shown.lines("#images"))
        assert "▀" not in pictures
        assert braille(pictures)
