"""`prusc table`: to be read on a terminal, and to be put into a paper as it is."""

import csv
import functools
import io
import re
import statistics
from dataclasses import replace

import pytest
from driver import Prusc
from rich.console import Console

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from experiments.catalog import get_study
from experiments.tables.methods import TABLES, method_tables
from experiments.tasks import plan_study
from prusc_tui.cli.table_shown import print_tables
from prusc_tui.tables.methods import columns_of

STUDY = get_study("cmnist-study")
MISSING = ("vrex", 0.10)
"""The method and the label noise that nobody ran."""


@functools.cache
def tasks_of(**options):
    """The runs of the study, planned once for all tests."""
    return plan_study(STUDY, **options)


def shares(task, n):
    """Test accuracies that are different for every run and restart."""
    base = 0.3 + 0.01 * STUDY.recipes.index(task.recipe) + task.plan.config.data.label_noise
    return [base + 0.02 * restart**2 for restart in range(n)]


def worst(task, n):
    """Test accuracies in the worst group: the higher the average, the lower they are."""
    return [0.2 * (1 - share) for share in shares(task, n)]


def keep(home, task, *, n=3, status="finished", name=None):
    config = task.plan.config
    told = {
        split: {
            "n": 1_000,
            "weights": [9_100.0] * n,
            "restarts": list(range(n)),
            "average": [share + shift for share in shares(task, n)],
            "worst": worst(task, n),
        }
        for split, shift in (("train", 0.1), ("validation", 0.05), ("test", 0.0))
    }
    record = RunRecord(
        id=new_id(),
        name=name or task.plan.base_name,
        recipe=task.recipe,
        data="cmnist",
        status=status,
        seed=config.seed,
        attributes_used=task.plan.recipe.attributes_used(config),
        config=task.plan.config.model_dump(mode="json"),
        created=1000.0,
        stages=(StageRecord("train", status="done", restarts=told),),
    )
    RunFolder.create(home, record)
    RunLog(home).put(record)
    return record


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """`prusc` with a home that holds the study but for one run; one cell has five restarts, one run is not finished."""
    prusc = Prusc(tmp_path_factory.mktemp("grid"))
    home = Home.open(prusc.home)
    for task in tasks_of():
        noise = task.plan.config.data.label_noise
        if (task.recipe, noise) != MISSING:
            keep(home, task, n=5 if (task.recipe, noise) == ("irm", 0.25) else 3)
    keep(home, tasks_of(seed=1)[0], status="stopped")
    return prusc


def cell(values):
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f}"


@functools.cache
def tables_of(root):
    """The tables of the runs of a home, made once: no test changes runs that it has looked at."""
    home = Home.open(root)
    records = [RunFolder.open(home, run["id"]).record() for run in RunLog(home).all()]
    return method_tables(records, TABLES["cmnist"])


def lines_at(grid, width, *, measure="both", best="worst-cell", **terminal):
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, **terminal)
    measures = ("average", "worst") if measure == "both" else (measure,)
    shown = [(one, columns_of(one, ("train", "test"), measures)) for one in tables_of(grid.home)]
    print_tables(console, shown, 0, best)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def cells(markdown):
    """First cell of each row of a table in Markdown → the others."""
    lines = [line for line in markdown.splitlines() if line[:1] == "|" and "---" not in line]
    rows = [[word.strip() for word in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in rows}) == 1
    return {row[0]: row[1:] for row in rows}


def test_table_alone_lists_the_tables_and_what_makes_their_runs(prusc):
    said = prusc("table")
    assert said.code == 0
    assert re.search(r"^cmnist .*prusc run cmnist-study$", said.out, re.MULTILINE)
    assert re.search(r"^digits .*prusc run bench-digits$", said.out, re.MULTILINE)
    names = [table["name"] for table in prusc("table", "--json").json["tables"]]
    assert names == ["cmnist", "digits", "few", "waterbirds"]
    assert not prusc.home.exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["table", "cmnst"], "did you mean 'cmnist'"),
        (["table", "cmnist"], "prusc run cmnist-study"),
        (["table", "cmnist", "--where", "recip=irm"], "'recipe'"),
        (["table", "cmnist", "--measure", "worst", "--split", "train"], "--measure worst"),
        (["table", "cmnist", "--best", "test"], "the test split selects nothing"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_no_home_behind(prusc, words, hint):
    said = prusc(*words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert hint in said.err
    assert not prusc.home.exists()


def test_a_filter_that_no_run_matches_is_named(grid):
    said = grid("table", "cmnist", "--where", "tag:paper")
    assert said.code == 2
    assert "'tag:paper'" in said.err


def test_unfinished_runs_do_not_count_and_are_said(grid):
    assert re.search(r"Unfinished runs on this data, not counted: 1\.", grid("table", "cmnist").out)
    said = grid("table", "cmnist", "--where", "seed=1")
    assert said.code == 2
    assert "1 not finished yet" in said.err


def test_each_cell_is_mean_and_deviation_and_a_run_that_is_missing_is_a_dash(grid):
    by_title = cells(grid("table", "cmnist", "--split", "test", "--measure", "average", "--format", "markdown").out)
    assert by_title["test accuracy, %"] == ["supervision", "noise 5 %", "noise 10 %", "noise 25 %"]
    at = {(task.recipe, task.plan.config.data.label_noise): task for task in tasks_of()}
    assert by_title["ERM"] == ["none", *(cell(shares(at["erm-pooled", noise], 3)) for noise in (0.05, 0.1, 0.25))]
    vrex = by_title["V-REx, inferred environments"]
    assert vrex == ["none", cell(shares(at["vrex", 0.05], 3)), "–", cell(shares(at["vrex", 0.25], 3))]
    ours = by_title["IRM, inferred environments (ours)"]
    assert ours[3] == cell(shares(at["irm", 0.25], 5)) + " (5)"
    assert by_title["IRM, given environments"][0] == "environments given"
    assert by_title["ERM without colour"][0] == "shortcut removed"
    assert by_title["EIIL, colour as reference"][0] == "training attributes"


def test_the_worst_group_stands_beside_the_average_of_test_and_not_of_train(grid):
    by_title = cells(grid("table", "cmnist", "--format", "markdown").out)
    assert by_title["accuracy, %"] == [
        "supervision",
        *(f"noise {n} % {what}" for n in (5, 10, 25) for what in ("train", "test", "test worst group")),
    ]
    task = next(t for t in tasks_of(only="irm-given,cmnist-small-eta10"))
    average = shares(task, 3)
    assert by_title["IRM, given environments"][4:7] == [
        cell([share + 0.1 for share in average]),
        cell(average),
        cell(worst(task, 3)),
    ]


@pytest.mark.parametrize(
    ("words", "corner", "columns"),
    [
        (["--measure", "average"], "accuracy, %", ["noise 5 % train", "noise 5 % test"]),
        (["--measure", "worst"], "test worst-group accuracy, %", ["noise 5 %"]),
        (["--split", "train"], "train accuracy, %", ["noise 5 %"]),
        (["--split", "test"], "test accuracy, %", ["noise 5 % average", "noise 5 % worst group"]),
        (["--split", "validation", "--measure", "worst"], "validation worst-group accuracy, %", ["noise 5 %"]),
    ],
)
def test_split_and_measure_choose_the_columns_and_the_words_say_what_is_left(grid, words, corner, columns):
    markdown = grid("table", "cmnist", *words, "--format", "markdown").out
    heading = cells(markdown)[corner]
    assert heading[: len(columns) + 1] == ["supervision", *columns]
    assert len(heading) == 1 + 3 * len(columns)
    has_worst = any("worst" in word for word in (corner, *columns))
    assert ("reversed colour" in markdown) == ("in the worst group" in markdown) == has_worst
    assert ("over all images of a split" in markdown) == (not corner.startswith(("test worst", "validation worst")))


def test_the_best_by_a_rule_on_validation_is_marked_among_those_without_supervision(grid):
    def marked(measure, best):
        # Bold numbers follow the escape that begins bold; titles and headings have no point in them.
        lines = lines_at(grid, 80, measure=measure, best=best, force_terminal=True, no_color=True)
        return re.findall(r"\x1b\[1m *(\d+\.\d)\x1b", "\n".join(lines))

    tasks = {(t.recipe, t.plan.config.data.label_noise): t for t in tasks_of()}
    # On validation the study's last recipe has the highest average, its first the highest worst group; IRM has five
    # restarts at 25 %.
    best = [("irm", 0.25, 5), ("erm-balance", 0.05, 3), ("erm-balance", 0.10, 3)]
    first = [("erm-pooled", noise, 3) for noise in (0.05, 0.10, 0.25)]

    def written(values, which):
        return sorted(f"{100 * statistics.mean(values(tasks[r, noise], n)):.1f}" for r, noise, n in which)

    for rule, which in (("average", best), ("worst-group", first)):
        assert sorted(marked("average", rule)) == written(shares, which)
        assert sorted(marked("worst", rule)) == written(worst, which)
        assert sorted(marked("both", rule)) == sorted(written(shares, which) + written(worst, which))
    assert marked("both", "worst-cell") == []  # unknown of networks that are trained side by side


def test_the_table_says_by_which_rule_and_what_it_uses(grid):
    for rule, uses in (
        ("average", "validation labels, no attributes"),
        ("worst-group", "validation labels and attributes"),
    ):
        text = " ".join(grid("table", "cmnist", "--best", rule).out.split())
        assert f"by rule '{rule}' on the validation split, which uses {uses}: " in text
    text = " ".join(grid("table", "cmnist").out.split())
    assert "none, as it takes at least two; --best average and --best worst-group can have one." in text


def test_a_worst_group_that_is_not_known_is_a_dash_and_never_the_best(tmp_path):
    prusc = Prusc(tmp_path / "home")
    home = Home.open(prusc.home)
    for task in tasks_of(only="erm-pooled,irm,vrex,cmnist-small-eta25"):
        record = keep(home, task)
        if task.recipe == "erm-pooled":
            for split in ("validation", "test"):
                record.stages[0].restarts[split]["worst"] = [None] * 3
            RunFolder.open(home, record.id).update(stages=record.stages)
    by_title = cells(prusc("table", "cmnist", "--split", "test", "--format", "markdown").out)
    assert by_title["ERM"][2] == "–"
    assert by_title["IRM, inferred environments (ours)"][2] != "–"
    out = "\n".join(lines_at(prusc, 80, measure="worst", best="worst-group", force_terminal=True, no_color=True))
    assert re.findall(r"^(\w+).*\x1b\[1m *\d+\.\d\x1b", out, re.MULTILINE) == ["IRM"]


def test_published_numbers_are_marked_and_say_their_source(grid):
    markdown = grid("table", "cmnist", "--format", "markdown").out
    rows = [line for line in markdown.splitlines() if "(published: " in line]
    (irm,) = [row for row in rows if row.startswith("| IRM, given environments (published: IRM authors)")]
    assert [word.strip() for word in irm.split("|")[3:-1]] == [*["–"] * 6, "70.8 ± 0.9", "66.9 ± 2.5", "–"]
    assert "50,000 training images, 10 restarts" in markdown
    assert "under their own protocol" in markdown


def test_the_numbers_say_how_many_images_restarts_and_seeds_stand_behind_them(grid):
    for words in ((), ("--format", "markdown"), ("--format", "latex")):
        text = " ".join(grid("table", "cmnist", *words).out.split())
        assert "10,000 training images" in text
        assert "over 3 restarts, seed 0" in text
        assert "test n = 1,000" in text
        assert re.search(r"\(ours\), noise 25 %: 5 restarts, seed 0", text)


@pytest.mark.parametrize(("split", "columns"), [("train", 5), ("test", 8), ("both", 11)])
def test_latex_is_a_plain_tabular_with_as_many_cells_in_every_row(grid, split, columns):
    lines = grid("table", "cmnist", "--split", split, "--format", "latex").out.splitlines()
    begin = lines.index(rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}")
    assert lines[-1] == r"\end{tabular}"
    assert all(line.startswith("%") for line in lines[:begin])
    body = lines[begin + 1 : -1]
    rows = [line for line in body if line != r"\hline"]
    assert len(rows) > 10
    assert all(row.endswith(r" \\") and row.count(" & ") == columns - 1 for row in rows)
    assert not re.search(r"(?<!\\)%|[±–]|toprule|midrule", "\n".join(body))


def test_csv_has_one_line_for_each_network_and_split(grid):
    rows = list(csv.DictReader(io.StringIO(grid("table", "cmnist", "--format", "csv").out)))
    assert len(rows) == 2 * (28 * 3 + 5)
    assert {row["split"] for row in rows} == {"train", "test"}
    mine = [row for row in rows if (row["recipe"], row["label_noise"], row["split"]) == ("irm", "0.25", "test")]
    task = next(t for t in tasks_of(only="irm,cmnist-small-eta25"))
    assert [float(row["average_accuracy"]) for row in mine] == shares(task, 5)
    assert [row["restart"] for row in mine] == ["0", "1", "2", "3", "4"]
    assert {(row["n"], row["seed"], row["penalty_weight"], row["supervision"]) for row in mine} == {
        ("1000", "0", "9100.0", "none")
    }


def test_json_has_the_numbers_of_every_cell_and_the_runs_behind_them(grid):
    told = grid("table", "cmnist", "--json").json
    (table,) = told["tables"]
    assert told["unfinished"] == 1
    assert table["label_noises"] == [0.05, 0.1, 0.25]
    irm = next(row for row in table["rows"] if row["recipe"] == "irm")
    found = irm["cells"][2]
    task = next(t for t in tasks_of(only="irm,cmnist-small-eta25"))
    assert found["label_noise"] == 0.25
    assert found["test"]["average"] == {
        "mean": pytest.approx(statistics.mean(shares(task, 5))),
        "sd": pytest.approx(statistics.stdev(shares(task, 5))),
        "se": pytest.approx(statistics.stdev(shares(task, 5)) / 5**0.5),
        "n": 5,
    }
    assert (found["test"]["seeds"], found["test"]["samples"], len(found["test"]["runs"])) == ([0], 1_000, 1)


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_on_a_terminal_nothing_is_cut_and_every_number_is_there(grid, width):
    lines = lines_at(grid, width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for task in tasks_of():
        noise = task.plan.config.data.label_noise
        if (task.recipe, noise) != MISSING:
            values = shares(task, 5 if (task.recipe, noise) == ("irm", 0.25) else 3)
            assert cell(values) in text
            assert cell([share + 0.1 for share in values]) in text
            assert cell([0.2 * (1 - share) for share in values]) in text


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (160, ["accuracy, %"]),
        (120, ["train accuracy, %", "test accuracy, %"]),
        (80, ["train accuracy, %", "test accuracy, %", "test worst-group"]),
    ],
)
def test_columns_stand_beside_each_other_where_there_is_room_and_below_each_other_where_not(grid, width, heads):
    found = [
        match[0]
        for line in lines_at(grid, width)
        if (match := re.match(r"(\w+ )?accuracy, %(?=  )|test worst-group", line))
    ]
    assert [head for head in found if head != "accuracy, %" or width == 160] == heads


def test_headings_of_columns_begin_on_one_line(grid):
    lines = lines_at(grid, 160)
    (at,) = [i for i, line in enumerate(lines) if line.startswith("accuracy, %")]
    assert [word.strip() for word in re.findall(r"noise +\d+ %", lines[at - 2])] == [
        f"noise {noise} %" for noise in (5, 10, 25) for _ in range(3)
    ]
    assert lines[at - 1].split() == ["train", "test", "test"] * 3
    assert lines[at].split("supervision")[1].split() == ["worst", "group"] * 3


def test_settings_are_told_in_five_digits_and_in_full_where_two_rows_would_else_look_alike(tmp_path):
    prusc = Prusc(tmp_path / "home")
    home = Home.open(prusc.home)
    simple, usual = "erm-pooled,cmnist-small-eta25", "erm-pooled,irm-given,cmnist-small-eta25"
    for only, overrides in [
        (usual, []),
        (simple, ["train.hidden=256", "train.lr=0.001", "train.l2=0.0008602868865288383"]),
        (simple, ["train.lr=0.0028171488133821726"]),
        (simple, ["train.lr=0.00281714"]),
    ]:
        for task in plan_study(STUDY, only=only, overrides=overrides):
            keep(home, task)
    markdown = prusc("table", "cmnist", "--format", "markdown").out.replace("\\", "")
    titles = [title for title in cells(markdown) if title.startswith("ERM") and "published" not in title]
    assert sorted(titles) == [
        "ERM",
        "ERM: train.hidden=256, train.lr=0.001, train.l2=0.00086029",
        "ERM: train.lr=0.00281714",
        "ERM: train.lr=0.0028171488133821726",
    ]
    assert "settings train.lr=0.00048985, train.l2=0.0011079, otherwise" in markdown


def test_runs_of_another_size_stand_in_a_table_of_their_own(tmp_path):
    prusc = Prusc(tmp_path / "home")
    home = Home.open(prusc.home)
    for overrides in (["data.train_size=20000"], []):
        keep(home, plan_study(STUDY, overrides=overrides, only="irm,cmnist-small-eta25")[0])
    out = prusc("table", "cmnist").out
    assert out.index("10,000 training images") < out.index("20,000 training images")
    assert out.count("accuracy, %") == 2


def test_names_from_files_cannot_move_the_cursor(tmp_path):
    prusc = Prusc(tmp_path / "home")
    task = tasks_of(only="irm,cmnist-small-eta25")[0]
    config = task.plan.config
    named = config.model_copy(update={"model": config.model.model_copy(update={"name": "\x1b[2J"})})
    keep(Home.open(prusc.home), replace(task, plan=replace(task.plan, config=named)))
    for words in ((), ("--format", "markdown"), ("--format", "latex")):
        out = prusc("table", "cmnist", *words).out
        assert "\x1b" not in out
        assert "x1b" in out
