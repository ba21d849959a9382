"""The page of a run: complete, honest, escaped, and opened by a browser where one is installed."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from math import isnan, nan

import pytest

from core.events import (
    Evaluated,
    PseudoGroupsFound,
    RunStarted,
    Scalars,
    Sparsity,
    SparsityPoint,
    StageFinished,
    Warned,
)
from core.explore.look import write_look
from core.feed.feed import RunFeed
from core.feed.reused import whole
from core.groups import Evaluation, Group
from core.runs.stream import EventWriter
from prusc_tui.chart.curves import Curve
from prusc_tui.html.figures import MOST_POINTS, Chart, points
from prusc_tui.html.markup import Markup, escape, tag
from prusc_tui.html.report import page
from prusc_tui.html.samples import sample_images
from tests.cli.driver import Prusc, environment
from tests.explore.look_lab import look_of
from tests.tui.groups_lab import FoundRun
from tests.tui.lab import NOW, evaluation, finished_run, irm_run, put, record_of

HOSTILE = "<script>alert('x')</script>\"&amp;\x1b[2J</style>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.said).split())


def written(*folders, images=None):
    return page([whole(folder) for folder in folders], images or {}, NOW)[0]


def test_worst_group_and_average_are_said_before_and_after_with_split_n_interval_and_supervision(home):
    text = Page(written(finished_run(home))).text
    assert "63.7 → 93.6 %" in text
    assert "+29.9 points · 0–4 · red, n = 2,400, 95 % interval 92.5–94.5" in text
    assert "Before: erm; after: finetune. Test split, n = 9,600. No attributes used for training or selection" in text


def test_every_part_of_a_finished_run_is_there_and_has_a_link(home):
    text = written(finished_run(home))
    parts = ["Warnings", "Accuracy by group", "Pseudo-groups", "Masks", "Curves", "Settings", "To repeat it"]
    assert re.findall("<h2>(.*?)</h2>", text) == parts
    sections = [attributes["id"] for attributes in Page(text).of("section")]
    assert [attributes["href"] for attributes in Page(text).of("a")] == [f"#{id}" for id in sections]


def test_a_warning_that_the_network_is_not_to_be_used_comes_before_every_number(home):
    folder = finished_run(home)
    with EventWriter(folder.events) as writer:
        writer.write(Warned("finetune", "worse-than-erm", "Do not use this network."), NOW)
    text = Page(written(folder)).text
    assert text.index("Do not use this network.") < text.index("Worst group")
    assert text.count("Do not use this network.") == 1
    assert "class 5–9 has only 180 different samples" in text


def test_the_page_loads_nothing_and_runs_nothing(home):
    found = Page(written(finished_run(home)))
    assert not [name for name, _ in found.elements if name in ("script", "link", "iframe", "object", "embed")]
    values = [(key, value or "") for _, attributes in found.elements for key, value in attributes.items()]
    assert not [key for key, _ in values if key.startswith("on")]
    assert all(value.startswith(("#", "data:")) for key, value in values if key in ("src", "href", "xlink:href"))
    assert "url(" not in written(finished_run(home, "other"))


def hostile_run(home):
    groups = tuple(Group(HOSTILE, {"place": value}, 50, 20) for value in ("<b>", "sea"))
    told = Evaluation("test", groups, (0.5, 0.5))
    record = record_of(HOSTILE, note=HOSTILE, tags=(HOSTILE,), preset=HOSTILE, host=HOSTILE, data=HOSTILE)
    config = {**record.config, "data": {"name": HOSTILE, HOSTILE: HOSTILE}}
    stages = [replace(record.stages[0], evaluations={"test": told.to_json()}), *record.stages[1:-1]]
    stages.append(replace(record.stages[-1], evaluations={"test": told.to_json()}))
    folder = put(home, replace(record, config=config, overrides={HOSTILE: HOSTILE}, stages=tuple(stages)))
    with EventWriter(folder.events) as writer:
        for step in (1, 2):
            writer.write(Scalars("erm", step, step, {HOSTILE: 1.0 / step}), NOW)
            writer.write(Evaluated("erm", step, "validation", replace(told, split="validation")), NOW)
        writer.write(PseudoGroupsFound("find", [HOSTILE], [[3]], [HOSTILE], [[3]], HOSTILE, [HOSTILE]), NOW)
        writer.write(Sparsity("prune", 1, 0.5, {HOSTILE: 0.5}), NOW)
        writer.write(Warned("prune", HOSTILE, HOSTILE), NOW)
        writer.write(StageFinished("prune", 1.0), NOW)
    return folder


@pytest.mark.parametrize("runs", [1, 2])
def test_names_that_are_markup_are_text(home, runs):
    folders = [hostile_run(home), finished_run(home)][:runs]
    found = Page(written(*folders))
    ordinary = Page(written(*[finished_run(home, "plain"), finished_run(home, "plain-2")][:runs]))
    assert {name for name, _ in found.elements} <= {name for name, _ in ordinary.elements} | {"strong"}
    keys = {key for _, attributes in found.elements for key in attributes}
    assert keys <= {key for _, attributes in ordinary.elements for key in attributes}
    assert "<script>alert('x')</script>\"&amp;\\x1b[2J</style>" in found.text


def test_one_function_escapes_and_finished_markup_is_not_escaped_again():
    assert escape('<a href="x">&\x1b') == "&lt;a href=&quot;x&quot;&gt;&amp;\\x1b"
    assert tag("p", tag("b", "<"), ">", title='"') == '<p title="&quot;"><b>&lt;</b>&gt;</p>'
    assert isinstance(tag("p"), Markup)


def test_images_are_there_only_if_they_are_asked_for(tmp_path):
    run = FoundRun(tmp_path)
    assert "<img" not in written(run.folder)
    titles = whole(run.folder).pseudo_groups.titles
    images = {run.folder.id: sample_images(run.folder, titles)}
    found = Page(written(run.folder, images=images))
    assert len(found.of("img")) == 24 + 4 * 8  # all conflict samples, and eight of each class in each pseudo-group
    assert all(attributes["src"].startswith("data:image/png;base64,") for attributes in found.of("img"))
    assert "Training images of pseudo-group predicted 0–4: 5–9" in found.text


def test_it_says_what_computed_the_run_and_the_command_that_repeats_it(home):
    folder = finished_run(home, overrides={"prune.lr": 0.5})
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", True, {"torch": "9.8.7", "device": "a fast one"}), NOW)
    text = Page(written(folder)).text
    assert "torch 9.8.7 device a fast one" in text
    assert "prusc run demo --set prune.lr=0.5 --seed 0" in text


def test_the_page_is_made_without_torch(prusc, tmp_path):
    program = (
        "import sys; from prusc_tui.cli import app; app.app(sys.argv[1:], standalone_mode=False); "
        "sys.exit(bool({'torch', 'pandas', 'sklearn', 'textual', 'matplotlib'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "report", "demo", "--to", tmp_path / "x.html"]
    done = subprocess.run(command, env=environment(prusc.home), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.html").is_file()


def test_restarts_and_environments_have_their_parts(home):
    text = Page(written(irm_run(home, weights=(9100.0, 1.0)))).text
    assert "Test split, n = 9,600, 1 of 6 restarts. No attributes" in text
    assert "train, test, weight 9100 3 62.1 ± 4.0" in text
    assert "3,040 of 30,000 training images are in an environment." in text


def test_points_of_sparsity_are_drawn_for_worst_group_and_average(home):
    folder = finished_run(home)
    with EventWriter(folder.events) as writer:
        for way, share, worst in (("dense", 1.0, 90), ("masks", 0.1, 88), ("magnitude", 0.1, 71.5)):
            splits = (evaluation((97, worst, worst + 1, 98), split) for split in ("validation", "test"))
            writer.write(SparsityPoint("sparse", way, share, share, *splits), NOW)
    found = Page(written(folder))
    assert {"sparsity-worst", "sparsity-average"} <= {attributes["id"] for attributes in found.of("figure")}
    assert "learned masks 90.0 88.0 magnitude 90.0 71.5" in found.text
    assert "Test split, n = 9,600, worst of 4 groups; seed 0; no attributes used" in found.text


def test_what_was_looked_at_is_shown_with_the_maps_of_both_networks(home):
    folder = finished_run(home)
    (folder.path / "views").mkdir()
    write_look(folder.path / "views" / "look-test.safetensors", look_of(3))
    found = Page(written(folder, images={folder.id: sample_images(folder, ())}))
    assert len(found.of("img")) == 3 * 3
    assert "Group 5–9 · red test split, 3 of 50 images; accuracy: erm 20.0 % (11.2–33.0)" in found.text


def test_several_runs_are_compared_and_no_figure_has_the_name_of_another(home):
    overrides = {"prune.lr": 0.5}
    first, second = finished_run(home, "first"), finished_run(home, "second", recipe="irm", overrides=overrides)
    found = Page(written(first, second))
    assert "2 runs compared" in found.text
    assert re.search(r"minus prusc.* irm\b.* 1 \(0\) \+0\.0 – – – 0/1/0 \+0\.0", " ".join(found.text.split()))
    assert "no test with one seed in common" in found.text
    assert "best by rule 'worst-cell' on the validation split" in found.text
    names = [attributes["id"] for attributes in found.of("figure")]
    assert len(names) == len(set(names)) > 10


def test_curves_of_a_reused_stage_come_from_the_run_that_computed_it(home):
    source = finished_run(home, "source")
    record = record_of("later")
    stages = tuple(replace(stage, reused=source.id if stage.name == "erm" else None) for stage in record.stages)
    later = put(home, replace(record, stages=stages))
    assert list(RunFeed(later).poll().series) == []
    assert {stage for stage, _ in whole(later).series} == {"erm"}
    assert len(whole(later).evaluations["erm", "validation"]) == 3
    shutil.rmtree(source.path)
    assert list(whole(later).series) == []


def test_what_has_a_place_of_its_own_is_no_note(home):
    assert whole(finished_run(home)).notes == ()


def test_a_run_without_a_number_yet_has_a_page(home):
    text = Page(written(put(home, record_of(status="failed", reason="no space left")))).text
    assert "No stage has been evaluated yet." in text
    assert "no space left" in text


def test_long_curves_are_averaged_over_equal_stretches_without_the_missing_values():
    n = 10 * MOST_POINTS
    curve = Curve("loss", list(range(n)), [float(i) if i % 10 else nan for i in range(n)], 0, "loss")
    drawn = points(curve)
    assert len(drawn) == MOST_POINTS
    assert drawn[3] == (34.5, 35.0)
    short = Curve("loss", [1, 2], [1.0, nan], 0, "loss")
    assert points(short)[0] == (1, 1.0)
    assert isnan(points(short)[1][1])


def test_a_logarithmic_chart_leaves_out_what_is_not_positive(home):
    chart = Chart("a", "a", "", (Curve("p", [1, 2, 3], [0.0, 2e-3, 3.0], 0, "p"),), log=True)
    low, high = chart.y
    assert 0 < low <= 2e-3
    assert high >= 3


@pytest.fixture
def prusc(home):
    finished_run(home)
    return Prusc(home.root)


def test_the_command_writes_the_page(prusc, tmp_path):
    said = prusc("report", "demo", "--to", tmp_path / "new" / "demo.html")
    assert said.code == 0, said.err
    assert (tmp_path / "new" / "demo.html").read_text().startswith("<!DOCTYPE html>")
    assert "demo.html" in said.out


def test_the_figures_are_written_as_svg_and_png(prusc, tmp_path):
    pytest.importorskip("matplotlib")
    said = prusc("report", "demo", "--figures", tmp_path / "figures", "--json")
    assert said.code == 0, said.err
    files = {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    assert {"groups.svg", "groups.png", "masks-prune.svg", "erm-loss.png"} <= set(files)
    assert all(data.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml") for name, data in files.items())


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["demo"], "needs --to FILE.html"),
        (["nobody", "--to", "x.html"], "nobody"),
        (["demo", "--to", "."], "is a folder; name a file in it"),
    ],
)
def test_bad_input_gets_a_sentence_and_writes_nothing(prusc, tmp_path, monkeypatch, words, answer):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    said = prusc("report", *words)
    assert said.code == 2
    assert answer in said.err
    assert set(tmp_path.iterdir()) == before


def test_without_matplotlib_the_figures_say_how_to_install_it(prusc, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = prusc("report", "demo", "--to", tmp_path / "x.html", "--figures", tmp_path / "figures")
    assert said.code == 2
    assert said.err == "error: --figures needs matplotlib: install prusc-tui[report]\n"
    assert not (tmp_path / "x.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 420])
def test_a_browser_shows_it_without_scrolling_sideways(home, tmp_path, width):
    text = written(finished_run(home), finished_run(home, "second", recipe="irm"))
    # The page itself allows no script: a copy measures it.
    measuring = "<script>document.title = [innerWidth, document.documentElement.scrollWidth].join(' ')</script></body>"
    start, end = text.index('<meta http-equiv="Content-Security-Policy"'), text.index("<title>")
    (tmp_path / "page.html").write_text((text[:start] + text[end:]).replace("</body>", measuring), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom"]
    shown = subprocess.run([CHROMIUM, *options, tmp_path / "page.html"], capture_output=True, text=True, timeout=120)
    found = Page(shown.stdout)
    assert len(found.of("figure")) == len(Page(text).of("figure"))
    assert len(found.of("circle")) == len(Page(text).of("circle"))
    title = shown.stdout.partition("<title>")[2].partition("</title>")[0]
    inner, scroll = map(int, title.split())
    assert scroll <= inner


def test_evaluations_of_validation_alone_say_so(home):
    record = record_of()
    stages = [replace(stage, evaluations={}) for stage in record.stages]
    stages[0] = replace(stages[0], evaluations={"validation": evaluation((90, 50, 60, 90), "validation").to_json()})
    text = Page(written(put(home, replace(record, stages=tuple(stages))))).text
    assert "After erm. Validation split, n = 9,600." in text
