"""A data set and a network of an installed package: one file each, and nothing of ours is edited."""

import os
import subprocess
import sys

import orjson
import pytest
import torch

from core import discovery
from core.config import Config
from core.data.load import load
from core.errors import InputError
from core.models.networks import build, names
from core.overrides import validate
from experiments import bundled
from prusc_tui.screens.new_run.form import Form
from tests.lasting import Lasting

DATA_SET = '''
"""Digits with a stripe."""

from typing import ClassVar, Literal

from core.config.section import Fraction
from core.data.settings import Digits


class Striped(Digits):
    """Digits of which one class mostly has a white stripe at the top."""

    origin: ClassVar[str] = "made by the people who like stripes"
    name: Literal["striped"] = "striped"
    correlation: Fraction = 0.9
    """Share of training images with the stripe of their label."""

    def plan(self):
        from core.data.digits import Plan
        from core.data.draw import Attribute
        from core.data.paint import paint_grey

        def paint(digits, attributes, random):
            images = paint_grey(digits)
            images[attributes[:, 0] == 0, :, :2] = 255
            return images

        return Plan(2, (Attribute("stripe", ("stripe", "none"), self.correlation),), paint)
'''
NETWORK = '''
"""A network of one layer."""

from torch import nn

from core.models.networks import network


@network("one-layer", lambda w: {"inputs": w.channels * w.size[0] * w.size[1], "outputs": w.outputs})
class OneLayer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.head = nn.Linear(inputs, outputs)

    def forward(self, images):
        return self.head(images.flatten(1))
'''
UNNAMED = '''
from core.data.settings import Digits


class Nameless(Digits):
    """It has no name of its own."""

    name: str = "nameless"
'''
TAKEN = DATA_SET.replace('"striped"', '"cmnist"')


@pytest.fixture
def packages(tmp_path):
    """Install packages of some modules with entry points, into a folder that is returned."""

    def install(name, modules, entry_points):
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(entry_points)
        for module, text in modules.items():
            (tmp_path / f"{module}.py").write_text(text)
        return tmp_path

    return install


@pytest.fixture
def good(packages):
    entry_points = "[prusc_tui.data]\nstriped = striped_set\n[prusc_tui.networks]\none-layer = one_layer:OneLayer\n"
    return packages("stripes", {"striped_set": DATA_SET, "one_layer": NETWORK}, entry_points)


@pytest.fixture
def broken(packages):
    entry_points = "[prusc_tui.data]\ngone = gone_set\nnameless = nameless_set\ntaken = taken_set\n"
    return packages("broken", {"nameless_set": UNNAMED, "taken_set": TAKEN}, entry_points)


@pytest.fixture
def look_again(monkeypatch):
    """Have this process look for packages in a folder, and forget them after the test."""

    def look(folder):
        monkeypatch.syspath_prepend(str(folder))
        discovery.forget()
        Config.model_rebuild(force=True)

    yield look
    monkeypatch.undo()
    discovery.forget()
    Config.model_rebuild(force=True)


def prusc(folder, home, *words):
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "prusc_tui", *words],
        env={**os.environ, "PYTHONPATH": paths, "PRUSC_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_a_data_set_is_known_wherever_data_sets_are(good, look_again):
    look_again(good)
    settings = validate({"data": {"name": "striped", "correlation": 0.8}}, "settings").data
    assert (settings.name, settings.correlation, settings.n_classes) == ("striped", 0.8, 2)
    with pytest.raises(InputError, match=r"'data\.patch_size' does not exist for data.name=striped"):
        validate({"data": {"name": "striped", "patch_size": 3}}, "settings")
    with pytest.raises(
        InputError, match=r"unknown data set 'stripe'; did you mean 'striped'\? \(known: colored-mnist, "
    ):
        validate({"data": {"name": "stripe"}}, "settings")
    form = Form("erm")
    form.set("data.name", "striped")
    fields = {field.setting.key: field for field in form.fields()}
    assert fields["data.name"].setting.choices[-1] == "striped"
    assert fields["data.correlation"].setting.help == "Share of training images with the stripe of their label."
    assert form.check().plan.config.data.name == "striped"
    small = settings.model_copy(update={"train_size": 200, "validation_size": 40, "test_size": 40})
    images = load(small, bundled.folder()).splits["train"]
    assert ((images.images[:, :, :2] == 255).all((1, 2, 3)) == (images.attributes[:, 0] == 0)).all()


def test_a_network_is_built_by_its_name(good, look_again):
    look_again(good)
    assert "one-layer" in names()
    assert build("one-layer", 2, 3, (4, 4))(torch.zeros(5, 3, 4, 4)).shape == (5, 2)
    assert discovery.problems() == ()


def test_a_run_takes_both(good, tmp_path):
    small = ("data.train_size=200", "data.validation_size=40", "data.test_size=40", "erm.epochs=0.1", "select.looks=1")
    words = [word for setting in ("model.name=one-layer", *small) for word in ("--set", setting)]
    out = tmp_path / "out"
    with Lasting(tmp_path / "home", good) as command:
        done = command("run", "erm", "--data", "striped", *words, "--json")
        assert done.code == 0, done.err
        assert command("export", "last", "--to", out).code == 0
    about = orjson.loads((out / "model.json").read_bytes())
    assert about["build"].startswith("core.models.networks.build('one-layer', 2, channels=3, size=(28, 28)")


def test_the_list_has_it_under_a_heading_of_its_own(good, tmp_path, at_once):
    said = prusc(good, tmp_path, "data", "ls")
    assert said.stderr == ""
    heading = said.stdout.index("made by the people who like stripes")
    assert said.stdout.index("Digits of which one class mostly has a white stripe") > heading


def test_what_cannot_be_used_is_one_sentence_each_and_nothing_fails(broken, tmp_path, at_once):
    said = prusc(broken, tmp_path, "data", "ls", "--json")
    assert said.returncode == 0
    assert [found["name"] for found in orjson.loads(said.stdout)["datasets"]][-1] == "folder"
    warned = said.stderr.splitlines()
    assert len(warned) == 3
    assert warned[0].startswith(
        "warning: 'gone' of package broken (entry point group prusc_tui.data, gone_set) is ignored"
    )
    assert "Nameless needs a docstring, and a name" in warned[1]
    assert warned[2] == "warning: data set 'cmnist' of taken_set is ignored: the name is already taken"
    told = orjson.loads(prusc(broken, tmp_path, "doctor", "--json").stdout)
    assert [f"warning: {sentence}" for sentence in told["problems"]] == warned
    assert not any("broken" in missing for missing in told["missing"])
