"""The bars of the groups, and what stands beside them."""

import math
from dataclasses import replace

import pytest
from rich.text import Text

from core.events import Selected
from core.feed.snapshot import Look, StageView
from core.groups import Evaluation, Group, wilson_interval
from prusc_tui.palette import SHELL
from prusc_tui.report.groups import WORST, groups
from prusc_tui.report.results import results_of
from prusc_tui.report.selection import selection
from prusc_tui.report.spark import column_means, spark
from prusc_tui.widgets.bars import ROOMY, axis, fit, interval_bar, meter, shorten
from tests.tui.lab import plain

WIDTHS = (28, 40, 60, 73, 80, 120, 200)


def stage(name):
    return StageView(name, "done", 10, 10, 0.0, 1.0, None, None)


def evaluation(shares, split="test", n=200, attributes=True, title="class"):
    """A label for every two shares, in per cent, one for each colour; or a label for each share."""
    made = []
    for i, share in enumerate(shares):
        label, given = (f"{title} {i // 2}", {"colour": "red" if i % 2 else "green"}) if attributes else (f"{i}", {})
        made.append(Group(label, given, n if share == share else 0, round(n * share / 100) if share == share else 0))
    return Evaluation(split, tuple(made), tuple(1 / len(made) for _ in made))


def found(*looks):
    """Results of stages named in order; each look is (stage, step, final, evaluation)."""
    names = dict.fromkeys(name for name, *_ in looks)
    evaluations = {}
    for name, step, final, told in looks:
        evaluations[name, told.split] = (*evaluations.get((name, told.split), ()), Look(step, told, final))
    return results_of(tuple(map(stage, names)), evaluations)


THREE = (
    ("erm", 900, True, evaluation((99, 62.5, 60, 98))),
    ("prune", 200, True, evaluation((96, 90, 88, 95))),
    ("finetune", 60, True, evaluation((95.5, 93, 94, 95))),
)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [2, 8, 40])
@pytest.mark.parametrize("height", [None, 6, 12, 30])
def test_every_line_is_exactly_as_wide_as_asked(width, count, height):
    shares = [(17 * i) % 101 for i in range(count)]
    shares[1] = math.nan
    looks = [(s, 1, True, evaluation(shares, title="a label of many words")) for s in ("erm", "prune", "a-long-stage")]
    for crop in (False, True):
        lines = groups(found(*looks), width, SHELL, height, crop=crop)
        assert {line.cell_len for line in lines} == {width}
        if crop and height == 30:
            assert len(lines) <= 30


@pytest.mark.parametrize("width", [10, 24, 50, 77])
@pytest.mark.parametrize("share", [0, 3, 50, 62, 99, 100])
@pytest.mark.parametrize("n", [10, 400, 100_000])
def test_a_bar_ends_at_its_share_and_the_whisker_at_its_interval(width, share, n):
    correct = n * share // 100
    value, (low, high) = correct / n, wilson_interval(correct, n)
    bar = interval_bar(value, (low, high), width, "cyan", SHELL)
    assert bar.cell_len == width
    left, right = (min(width - 1, int(end * width)) for end in (low, high))
    if left < right:
        assert (bar.plain[left], bar.plain[right]) == ("├", "┤")
        assert set(bar.plain[left + 1 : right]) <= {"─"}
        assert bar.plain[:left] == "█" * left
        # Where there is colour, the bar goes on behind the whisker up to the share.
        behind = [i for span in bar.spans if " on " in str(span.style) for i in range(span.start, span.end)]
        assert sorted(set(behind)) == list(range(min(right + 1, max(left, round(value * width)))))
    elif width >= ROOMY:
        assert bar.plain[: left + 1] == "█" * left + "│"
    else:
        assert bar.plain[: int(value * width)] == "█" * int(value * width)
    assert not set(bar.plain[right + 1 :]) - {" ", "┊", *"▏▎▍▌▋▊▉"}


def test_a_group_without_samples_has_a_dash_and_no_bar():
    lines = plain(groups(found(("erm", 1, True, evaluation((90, math.nan)))), 80, SHELL, 0))
    row = next(line for line in lines if line.startswith("class 0 · red"))
    assert "–" in row
    assert "█" not in row
    assert WORST not in row


def test_few_groups_get_a_bar_per_stage_on_one_axis_with_the_change_since_the_first_stage():
    lines = plain(groups(found(*THREE), 100, SHELL, 40))
    at = next(i for i, line in enumerate(lines) if line.startswith("worst group"))
    erm, prune, finetune = lines[at : at + 3]
    assert "erm" in erm
    assert "60.0" in erm
    assert "▲" not in erm
    assert "prune" in prune
    assert "88.0" in prune
    assert "▲ 28.0" in prune
    assert "finetune" in finetune
    assert "93.0" in finetune
    assert "▲ 33.0" in finetune
    average = next(i for i, line in enumerate(lines) if line.startswith("average"))
    assert "79.9" in lines[average]
    assert "94.4" in lines[average + 2]
    assert "▲ 14.5" in lines[average + 2]
    assert "test, n 800" in lines[1]
    green = next(i for i, line in enumerate(lines) if line.startswith("class 0 · green"))
    assert "▼ 3.5" in lines[green + 2]
    assert "n 200" in lines[green + 1]
    assert all(line.index("█") == erm.index("█") for line in lines if "█" in line)


def test_the_worst_group_of_each_stage_is_marked_and_coloured():
    for height in (0, 40):
        lines = groups(found(*THREE), 100, SHELL, height)
        marked = [line.plain for line in lines[2:] if WORST in line.plain]
        if height:
            assert [line.split(WORST)[0].split()[-1] for line in marked] == ["93.0", "60.0", "88.0"]
        else:
            assert [line[:13] for line in marked] == ["class 0 · red", "class 1 · gre"]
            assert [line.count(WORST) for line in marked] == [1, 2]
        for line in lines[2:]:
            red = {line.plain[s.start : s.end].strip() for s in line.spans if SHELL.bad in str(s.style)}
            assert (WORST in red) == (WORST in line.plain)


def test_a_stage_at_work_is_compared_with_the_first_stage_on_the_same_split():
    results = found(
        ("erm", 900, True, evaluation((99, 50, 60, 98), "validation", 100)),
        ("erm", 900, True, evaluation((99, 62, 60, 98))),
        ("prune", 25, False, evaluation((96, 90, 70, 95), "validation", 100)),
        ("prune", 50, False, evaluation((96, 90, 80, 95), "validation", 100)),
    )
    assert [(r.stage, r.evaluation.split, r.step) for r in results] == [
        ("erm", "test", 900),
        ("prune", "validation", 50),
    ]
    assert results[1].change(lambda e: e.worst_group.accuracy) == pytest.approx(0.80 - 0.50)
    text = "\n".join(plain(groups(results, 100, SHELL, 0)))
    assert "test, n 800" in text
    assert "validation at step 50, n 400" in text
    assert "▲ 30.0" in text
    assert "erm: test, n 800; prune: validation at step 50, n 400" in "\n".join(plain(groups(results, 100, SHELL, 60)))


def test_a_stage_has_no_change_where_the_first_was_not_measured_on_its_split():
    results = found(("erm", 9, True, evaluation((90, 60))), ("prune", 5, False, evaluation((80, 70), "validation")))
    assert results[1].change(lambda e: e.worst_group.accuracy) is None
    assert "▲" not in "\n".join(plain(groups(results, 80, SHELL, 0))[2:])


def test_where_not_all_groups_fit_the_worst_stay_and_the_others_are_counted():
    shares = [50 + i for i in range(40)]
    results = found(("erm", 1, True, evaluation(shares)), ("prune", 1, True, evaluation(shares[::-1])))
    lines = plain(groups(results, 80, SHELL, 14, crop=True))
    assert len(lines) == 14
    rows = [line[:16].rstrip() for line in lines if line.startswith("class")]
    # After pruning the last groups do worst.
    assert rows == [f"class {i // 2} · {'red' if i % 2 else 'green'}" for i in range(39, 39 - len(rows), -1)]
    assert f"{40 - len(rows)} more groups, {50 + len(rows)}.0 to 89.0 %" in lines[-1]
    assert sum(line.startswith("class") for line in plain(groups(results, 80, SHELL, 14))) == 40


def test_without_attributes_it_speaks_of_classes():
    text = "\n".join(plain(groups(found(("erm", 1, True, evaluation((90, 60, 70), attributes=False))), 80, SHELL)))
    assert "Accuracy by class" in text
    assert "worst class" in text
    assert "group" not in text


def test_names_from_a_file_cannot_move_the_cursor():
    told = evaluation((90, 60))
    told = replace(told, groups=(replace(told.groups[0], label="[red]\x1b[2J"), told.groups[1]))
    for height in (0, 40):
        text = "\n".join(plain(groups(found(("erm", 1, True, told)), 120, SHELL, height)))
        assert "\x1b" not in text
        assert r"[red]\x1b[2J" in text


def test_the_rule_in_force_is_marked_and_each_says_what_it_used():
    picks = {
        "last": {"step": 938, "value": 0.0, "uses": "nothing"},
        "worst-group": {"step": 821, "value": 0.618, "uses": "validation labels and attributes"},
    }
    selected = {"erm": Selected("erm", "last", 938, picks)}
    for width in (44, 80):
        lines = selection(["erm", "prune"], selected, width, SHELL)
        assert {line.cell_len for line in lines} == {width}
        last, worst = (next(x for x in plain(lines) if x[2:].startswith(r)) for r in ("last ", "worst-group "))
        assert last.startswith("●")
        assert "938" in last
        assert "0.0" not in last
        assert worst.startswith("○")
        assert "821" in worst
        assert "61.8" in worst
        text = " ".join(" ".join(plain(lines)).split())
        assert "nothing" in text
        assert "labels and attributes" in text


@pytest.mark.parametrize("width", [1, 7, 40, 99])
def test_a_spark_line_shows_the_mean_of_every_column(width):
    values = [math.sin(i / 9) + i % 3 for i in range(100)]
    means = column_means(values, width)
    edges = [round(i * 100 / width) for i in range(width + 1)]
    slow = [sum(values[edges[i] : edges[i + 1]]) / (edges[i + 1] - edges[i]) for i in range(width)]
    assert means == pytest.approx(slow)
    low, high = min(slow), max(slow)
    for rows in (1, 2):
        drawn = spark(values, width, rows)
        heights = [sum(" ▁▂▃▄▅▆▇█".index(row[c]) for row in drawn) for c in range(width)]
        for mean, height in zip(slow, heights, strict=True):
            wanted = 1 + (mean - low) / (high - low) * (8 * rows - 1) if high > low else height
            assert height == pytest.approx(wanted, abs=0.501)


def test_a_spark_line_leaves_out_what_is_no_number():
    assert spark([1.0, math.nan, math.inf, 2.0], 4) == ["▁█  "]
    assert spark([], 3) == ["   "]


def test_texts_are_cut_and_filled_by_cells():
    assert fit("漢字かな", 5).plain == "漢字…"
    assert fit("ab", 5, right=True).plain == "   ab"
    assert fit(Text("abcdef"), 4).plain == "abc…"
    assert shorten("Blond hair · female", 12) == "Blond …emale"
    assert meter(0.5, 10, "cyan", SHELL).plain == "━" * 5 + "─" * 5
    assert meter(0.25, 10, "cyan", SHELL).plain == "━━╸" + "─" * 7
    assert axis(50, SHELL).plain.split() == ["0", "25", "50", "75", "100"]
