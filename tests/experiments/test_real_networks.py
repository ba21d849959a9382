"""Networks of torchvision through the whole method, on photographs in a folder: real weights, and every convolution."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model

from core.events import Choice, Logged
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.training.erm import MODEL
from experiments.launch import check, create_run
from experiments.plan import make_plan
from tests.data.photo_lab import celeba, isic, waterbirds
from tests.engine.lab import events, go_on

MOBILENET = Path(__file__).parents[3] / "shared" / "data" / "weights" / "mobilenet_v2-b0353104.pth"

FEW = (
    "data.size=32",
    "data.stored=36",
    "erm.epochs=1",
    "erm.batch_size=12",
    "erm.keep_epochs=[1]",
    "erm.lr=0.01",
    "cluster.k=2",
    "balance.warn_below=0",
    "prune.steps=2",
    "prune.lr=2",
    "prune.batch_size=12",
    "finetune.steps=1",
    "finetune.batch_size=12",
    "select.looks=1",
)


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("waterbirds"), n=40)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunFolder]:
    def run(target: str, root: Path, *overrides: str, data: str | None = None) -> RunFolder:
        plan = make_plan(target, data=data, overrides=[*FEW, f"data.root={root}", *overrides])
        check(plan.config)
        folder = create_run(Home.open(tmp_path / "home"), plan)
        assert go_on(folder) == "finished", folder.record().reason
        return folder

    return run


def masked_layers(name: str, folder: RunFolder) -> dict[str, Tensor]:
    """Masks of a run, seen to be those of every convolution and linear layer of the plain network, which holds them."""
    masks = load_file(folder.artifacts("finetune") / "masks.safetensors")
    plain = get_model(name, num_classes=2)
    plain.load_state_dict(load_file(folder.artifacts("finetune") / MODEL))
    layers = {n: m for n, m in plain.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert masks.keys() == {f"{n}.weight" for n in layers}
    for n, layer in layers.items():
        assert not layer.weight[~masks[f"{n}.weight"]].any()
    kept = sum(mask.sum().item() for mask in masks.values())
    assert folder.record().stage("finetune").keep_ratio == kept / sum(m.weight.numel() for m in layers.values())
    assert not all(mask.all() for mask in masks.values()), "something is pruned"
    return masks


@pytest.mark.skipif(not MOBILENET.exists(), reason="needs the published weights of MobileNetV2")
def test_mobilenet_goes_from_its_published_weights_through_the_method_depthwise_convolutions_and_all(run, birds):
    network = ("model.name=mobilenet_v2", f"model.weights={MOBILENET}", "erm.lr=1e-12")
    folder = run("prusc", birds, *network, data="waterbirds")
    published = torch.load(MOBILENET, weights_only=True)
    started = load_file(folder.artifacts("erm") / MODEL)
    for name, tensor in published.items():
        if name.endswith("weight") and not name.startswith("classifier"):
            torch.testing.assert_close(started[name], tensor)  # at that rate they stay what they were
    assert started["classifier.1.weight"].shape == (2, 1280)
    assert any("the head 'classifier.1' starts fresh" in e.text for e in events(folder) if isinstance(e, Logged))
    features = load_file(folder.artifacts("represent") / "features-1.safetensors")["features"]
    assert features.shape == (24, 1280)
    assert features.std(0).mean() > 0.1, "images differ in features that were learned"
    masks = masked_layers("mobilenet_v2", folder)
    depthwise = {name: mask for name, mask in masks.items() if mask.dim() == 4 and mask.shape[1:] == (1, 3, 3)}
    assert len(depthwise) == 17
    assert sum((~mask).sum().item() for mask in depthwise.values()) > 0
    assert folder.record().final_evaluation("test")["groups"]


def test_resnet50_is_masked_in_every_convolution_of_every_block(run, birds, tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "resnet50.pth"
    torch.save({"model": get_model("resnet50", num_classes=2).state_dict()}, file)
    folder = run("prusc", birds, "model.name=resnet50", f"model.checkpoint={file}", "prune.steps=1", "prune.lr=3", data="waterbirds")
    masks = masked_layers("resnet50", folder)
    last = [name for name in masks if name.endswith("conv3.weight")]
    assert len(last) == 16
    assert all(0 < masks[name].float().mean() < 1 for name in last)


@pytest.mark.parametrize(
    ("preset", "lay_out"), [("waterbirds-resnet18", waterbirds), ("celeba-resnet18", celeba), ("isic-resnet18", isic)]
)
def test_presets_run_on_the_published_layouts(run, tmp_path, preset, lay_out):
    folder = run(preset, lay_out(tmp_path / "data", n=40), "model.weights=none", "finetune.steps=1")
    record = folder.record()
    assert record.preset == preset
    assert len(record.final_evaluation("test")["groups"]) == 4
    assert record.attributes_used == "none"


@pytest.mark.parametrize("column", ["img_filename", "index"])
def test_clusters_of_photographs_are_taken_by_path_or_index(run, birds, tmp_path, column):
    lines = [line.split(",") for line in (birds / "metadata.csv").read_text().splitlines()]
    training = [line for line in lines[1:] if line[3] == "0"]
    table = tmp_path / "places.csv"
    # Clusters that cut across the labels: by the place, which a person would take for the shortcut.
    rows = [f"{line[1] if column != 'index' else i},{line[4]}" for i, line in enumerate(training)]
    table.write_text("\n".join([f"{column},cluster", *(rows if column == "index" else rows[::-1])]))
    folder = run("prune-only", birds, "model.name=digits-cnn", f"cluster.file={table}", data="waterbirds")
    saved = load_file(folder.artifacts("cluster") / "clusters.safetensors")
    assert saved["assignments"].tolist() == [int(line[4]) for line in training]
    (choice,) = (event for event in events(folder) if isinstance(event, Choice))
    assert choice.candidates[0]["k"] == 2


def test_a_table_of_clusters_for_other_photographs_is_refused_before_the_run(birds, tmp_path):
    from core.errors import InputError

    table = tmp_path / "clusters.csv"
    table.write_text("img_filename,cluster\nelsewhere.jpg,0\n")
    with pytest.raises(InputError, match=r"clusters.csv, line 2: 'elsewhere.jpg' is no image of the training split"):
        check(make_plan("prusc", data="waterbirds", overrides=[f"data.root={birds}", f"cluster.file={table}"]).config)
