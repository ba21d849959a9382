"""A run with masks of channels exports a smaller dense network that says the same, also as ONNX."""

import numpy as np
import orjson
import pytest
import torch

from core.engine.engine import Engine
from core.errors import InputError
from core.runs.home import Home
from core.tensors import load_tensors
from experiments.description import Description
from experiments.evaluate import evaluate, of_file, of_run
from experiments.export.files import export_run
from experiments.launch import check, create_run
from experiments.network import network_of
from experiments.plan import build_pipeline, make_plan

CPU = torch.device("cpu")


def run(home, recipe):
    from tests.experiments.conftest import SETTINGS

    overrides = [*SETTINGS, "find.by=clusters", "prune.structure=channels", "prune.keep=0.5"]
    plan = make_plan(recipe, overrides=overrides)
    check(plan.config)
    folder = create_run(home, plan)
    job = Engine(build_pipeline).submit(folder, plan.config, CPU)
    job.wait()
    assert folder.record().status == "finished", folder.record().reason
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run(Home.open(tmp_path_factory.mktemp("home")), "prusc")


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    to = tmp_path_factory.mktemp("out")
    export_run(folder, to, onnx=True)
    return to


def test_half_of_the_channels_are_left_and_fine_tuning_revives_none(folder):
    for stage in ("prune", "finetune"):
        masks = load_tensors(folder.artifacts(stage) / "masks.safetensors")
        weights = load_tensors(folder.artifacts(stage) / "model.safetensors")
        norms = [masks[f"features.{i}.1.weight"] for i in (0, 2, 4)]
        assert sum(int(norm.sum()) for norm in norms) == 56  # of 16 + 32 + 64
        assert all(not weights[name][~mask].any() for name, mask in masks.items())
        assert folder.record().stage(stage).keep_ratio == pytest.approx(
            sum(int(m.sum()) for m in masks.values() if m.dim() > 1)
            / sum(m.numel() for m in masks.values() if m.dim() > 1)
        )


def test_permuted_masks_of_channels_make_as_small_a_network(folder, tmp_path):
    permuted = run(folder.home, "permuted-mask-head")
    assert permuted.record().stage("prune").reused == folder.id
    masks = [load_tensors(permuted.artifacts(stage) / "masks.safetensors") for stage in ("prune", "permute")]
    norms = [[of[f"features.{i}.1.weight"] for i in (0, 2, 4)] for of in masks]
    assert [int(norm.sum()) for norm in norms[0]] == [int(norm.sum()) for norm in norms[1]]
    assert any((one != other).any() for one, other in zip(*norms, strict=True))
    export_run(permuted, tmp_path)
    about = Description.read(tmp_path / "small.safetensors")
    assert about is not None
    assert list(about.kept.values()) == [max(1, int(norm.sum())) for norm in norms[1]]


def test_the_small_network_gives_the_results_of_the_run_in_every_form(folder, out):
    onnxruntime = pytest.importorskip("onnxruntime")
    about = Description.read(out / "small.safetensors")
    assert about is not None
    assert sum(about.kept.values()) in range(56, 59)  # a layer without any keeps one
    subject = of_run(folder)
    small = of_file(out / "small.safetensors", subject.settings, about)
    ours, whole = (evaluate(one, "test", CPU) for one in (small, subject))
    assert [group.correct for group in ours.groups] == [group.correct for group in whole.groups]

    network = network_of(about)
    network.load_state_dict(load_tensors(out / "small.safetensors"))
    pixels = torch.rand(5, 3, 28, 28)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (about.mean, about.std))
    with torch.no_grad():
        wanted = network.eval()((pixels - mean) / std)
    for name in ("small", "model"):
        session = onnxruntime.InferenceSession(str(out / f"{name}.onnx"))
        (said,) = session.run(None, {"pixels": pixels.numpy()})
        np.testing.assert_allclose(said, wanted.numpy(), rtol=1e-4, atol=1e-5)
    assert (out / "small.safetensors").stat().st_size < 0.6 * (out / "model.safetensors").stat().st_size


def test_its_description_can_build_it(out):
    import core.models.networks
    import core.pruning.channels

    code = orjson.loads((out / "small.json").read_bytes())["build"]
    network = eval(code, {"core": core})
    network.load_state_dict(load_tensors(out / "small.safetensors"))


@pytest.mark.parametrize("network", ["mlp", "mnist-cnn"])
def test_a_network_whose_channels_cannot_be_cut_is_refused_before_the_run(tiny, network):
    plan = make_plan("prusc", overrides=[*tiny, "prune.structure=channels", f"model.name={network}"])
    with pytest.raises(InputError, match=r"prune\.structure=weights"):
        check(plan.config)
