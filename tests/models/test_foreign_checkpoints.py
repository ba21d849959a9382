"""State dicts of files that others wrote: found, stripped, fitted, or refused by name and without being unpickled."""

import argparse
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import InputError
from core.models.checkpoint import Fit, load_foreign
from core.models.files import digest
from core.models.networks import build


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    torch.manual_seed(1)
    network = build("digits-cnn", 2)
    network(torch.randn(8, 3, 8, 8))  # so that BatchNorm's statistics are not those of a fresh network
    return network


@pytest.fixture
def fresh() -> nn.Module:
    torch.manual_seed(2)
    return build("digits-cnn", 2)


def written(tmp_path: Path, value: object) -> Path:
    file = tmp_path / "network.pth"
    torch.save(value, file)
    return file


def prefixed(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in network.state_dict().items()}


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    left, right = ours.state_dict(), theirs.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in right)


def load(tmp_path: Path, value: object, network: nn.Module) -> Fit:
    return load_foreign(written(tmp_path, value), network)


@pytest.mark.parametrize(
    "key", ["", "state_dict", "model", "classifier", "net", "model_state_dict", "model.state_dict"]
)
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "backbone.", "module.model.", "_orig_mod."])
def test_weights_are_found_under_any_key_and_prefix(tmp_path, trained, fresh, key, prefix):
    value = prefixed(trained, prefix)
    for part in reversed(key.split(".") if key else []):
        value = {part: value, "epoch": 7, "best": 0.5}
    report = load(tmp_path, value, fresh)
    assert_same(fresh, trained)
    assert (report.key, report.prefix, report.fresh_head) == (key, prefix, False)


def test_the_state_of_an_optimiser_beside_them_is_no_network(tmp_path, trained, fresh):
    optimizer = torch.optim.Adam(trained.parameters())
    trained(torch.randn(4, 3, 8, 8)).sum().backward()
    optimizer.step()
    load(tmp_path, {"optimizer": optimizer.state_dict(), "net": trained.state_dict()}, fresh)
    assert_same(fresh, trained)


def test_of_a_network_and_its_moving_mean_the_network_is_taken(tmp_path, trained, fresh):
    torch.manual_seed(3)
    mean = build("digits-cnn", 2)
    load(tmp_path, {"ema": mean.state_dict(), "model": trained.state_dict()}, fresh)
    assert_same(fresh, trained)


def test_what_fits_is_taken_whatever_it_is_called(tmp_path, trained, fresh):
    teacher = build("resnet18", 2).state_dict()
    load(tmp_path, {"model": teacher, "student": trained.state_dict()}, fresh)
    assert_same(fresh, trained)


def test_a_head_may_lie_beside_the_backbone(tmp_path, trained, fresh):
    state = trained.state_dict()
    mixed = {name if name.startswith("head.") else f"encoder.{name}": tensor for name, tensor in state.items()}
    load(tmp_path, mixed, fresh)
    assert_same(fresh, trained)


@pytest.mark.parametrize("body", ["network.0.", "0.", "featurizer."])
@pytest.mark.parametrize("head", ["network.1", "1", "linear"])
def test_a_head_under_another_name_is_the_layer_that_takes_the_features(tmp_path, trained, fresh, body, head):
    """As DomainBed, WILDS and Sequential write them."""
    state = trained.state_dict()
    renamed = {
        name.replace("head.", f"{head}.", 1) if name.startswith("head.") else f"{body}{name}": tensor
        for name, tensor in state.items()
    }
    load(tmp_path, renamed, fresh)
    assert_same(fresh, trained)


def test_domainbed_and_wilds_store_body_and_head_twice(tmp_path, trained, fresh):
    state = trained.state_dict()
    body = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    head = {name.removeprefix("head."): tensor for name, tensor in state.items() if name.startswith("head.")}
    twice = {
        **{f"featurizer.network.{name}": tensor for name, tensor in body.items()},
        **{f"classifier.{name}": tensor for name, tensor in head.items()},
        **{f"network.0.network.{name}": tensor for name, tensor in body.items()},
        **{f"network.1.{name}": tensor for name, tensor in head.items()},
    }
    report = load(tmp_path, {"model_dict": twice, "model_hparams": {"lr": np.float64(0.1)}}, fresh)
    assert_same(fresh, trained)
    assert str(report).endswith(f"; {len(state)} tensors of other modules are left out")


@pytest.mark.parametrize("prefix", ["", "0."])
@pytest.mark.parametrize("head", ["1", "2", "9"])
def test_the_children_of_a_network_in_a_row_are_its_layers(tmp_path, trained, fresh, prefix, head):
    """`nn.Sequential(*network.children())`, perhaps with a layer between, or with the head beside them."""
    numbered = {}
    for name, tensor in trained.state_dict().items():
        child, rest = name.split(".", 1)
        numbered[f"{prefix}0.{rest}" if child == "features" else f"{head}.{rest}"] = tensor
    load(tmp_path, numbered, fresh)
    assert_same(fresh, trained)


@pytest.mark.parametrize(
    "beside", [{"train_acc.total": (1,), "criterion.weight": (2,)}, {"projector.0.weight": (8, 9), "queue": (9, 4)}]
)
def test_other_modules_beside_a_complete_network_are_left_out(tmp_path, trained, fresh, beside):
    more = {name: torch.zeros(shape) for name, shape in beside.items()}
    report = load(tmp_path, {"state_dict": {**prefixed(trained, "model."), **more}}, fresh)
    assert_same(fresh, trained)
    assert report.left_out == 2


def test_a_self_supervised_encoder_lacks_a_head_and_starts_a_network(tmp_path, trained, fresh):
    """As MoCo writes it: the encoder with a projection in place of its head, and a slower copy."""
    body = {name: tensor for name, tensor in trained.state_dict().items() if not name.startswith("head.")}
    state = {
        **{f"module.encoder_q.{name}": tensor for name, tensor in body.items()},
        "module.encoder_q.head.0.weight": torch.zeros(64, 64),
        "module.encoder_q.head.2.weight": torch.zeros(8, 64),
        **{f"module.encoder_k.{name}": torch.zeros_like(tensor) for name, tensor in body.items()},
        "module.queue": torch.zeros(8, 4),
    }
    assert refused(tmp_path, {"state_dict": state}, fresh) == (
        "does not match the network: missing head.weight, head.bias, which is its head; "
        "use it as initial weights with a fresh head (--weights)"
    )
    report = load_foreign(written(tmp_path, {"state_dict": state}), fresh, fresh_head=True)
    assert report.fresh_head
    assert torch.equal(fresh.features[0][0].weight, trained.features[0][0].weight)


def test_a_deeper_network_of_the_same_family_is_not_taken_in_part(tmp_path):
    deep, shallow = build("resnet34", 2), build("resnet18", 2)
    assert {*shallow.state_dict()} < {*deep.state_dict()}
    assert "unexpected model.layer1.2.conv1.weight" in refused(tmp_path, prefixed(deep, "model."), shallow)


def test_two_layers_that_could_be_the_head_are_not_guessed_between(tmp_path, trained, fresh):
    state = {name: tensor for name, tensor in trained.state_dict().items() if not name.startswith("head.")}
    layers = {head: nn.Linear(trained.head.in_features, 2).state_dict() for head in ("one", "two")}
    both = {f"{head}.{name}": tensor for head, layer in layers.items() for name, tensor in layer.items()}
    assert "missing head.weight" in refused(tmp_path, {**state, **both}, fresh)


def test_plain_data_beside_the_weights_is_no_reason_to_refuse_them(tmp_path, trained, fresh):
    beside = {
        "args": argparse.Namespace(lr=0.1, name="x"),
        "best": np.float64(0.5),
        "epoch": np.int64(3),
        "ok": np.bool_(True),
    }
    load(tmp_path, {"state_dict": trained.state_dict(), **beside}, fresh)
    assert_same(fresh, trained)


def test_numpy_scalars_of_files_from_before_numpy_2_are_read(tmp_path, trained, fresh):
    file = written(tmp_path, {"state_dict": trained.state_dict(), "best": np.float64(0.5)})
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    load_foreign(file, fresh)
    assert_same(fresh, trained)


def test_weights_of_half_precision_are_read(tmp_path, trained, fresh):
    halves = {name: t.half() if t.is_floating_point() else t for name, t in trained.state_dict().items()}
    load(tmp_path, {"model": halves}, fresh)
    for name, tensor in fresh.state_dict().items():
        assert tensor.dtype == trained.state_dict()[name].dtype
        torch.testing.assert_close(tensor, halves[name].to(tensor.dtype))


def test_safetensors_are_read_by_their_content_and_prefixes_taken_off(tmp_path, trained, fresh):
    file = tmp_path / "network.bin"
    save_file(prefixed(trained, "module."), file)
    report = load_foreign(file, fresh)
    assert_same(fresh, trained)
    tensors = len(trained.state_dict())
    assert str(report) == f"{tensors} tensors from {file}, without the prefix 'module.'"


def test_files_from_before_batchnorm_counted_its_steps_fit(tmp_path, trained, fresh):
    state = {name: t for name, t in trained.state_dict().items() if not name.endswith("num_batches_tracked")}
    load(tmp_path, state, fresh)
    assert torch.equal(fresh.features[0][1].running_mean, trained.features[0][1].running_mean)


def test_torchvisions_old_names_in_densenets_are_known(tmp_path):
    torch.manual_seed(0)
    theirs, ours = build("densenet121", 2), build("densenet121", 2)
    old = {}
    for name, tensor in theirs.state_dict().items():
        for part in ("norm1", "norm2", "conv1", "conv2"):
            if "denselayer" in name:
                name = name.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.")
        old[name] = tensor
    assert old.keys() != theirs.state_dict().keys()
    load(tmp_path, old, ours)
    assert_same(ours, theirs)


def refused(tmp_path: Path, value: object, network: nn.Module) -> str:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(InputError) as error:
        load(tmp_path, value, network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    return str(error.value).removeprefix(f"{tmp_path / 'network.pth'}: ")


def test_missing_unexpected_and_misshapen_names_are_listed_five_of_a_kind_with_their_count(tmp_path, trained, fresh):
    state = trained.state_dict()
    del state["features.0.0.weight"]
    state |= {f"extra.{i}": torch.zeros(1) for i in range(7)}
    state["features.2.0.weight"] = torch.zeros(3, 4)
    assert refused(tmp_path, state, fresh) == (
        "does not match the network: missing features.0.0.weight; "
        "unexpected extra.0, extra.1, extra.2, extra.3, extra.4, … (7 in all); "
        "of another shape features.2.0.weight 3×4 for 32×16×3×3; see model.name"
    )


def test_a_head_for_other_labels_is_said_in_words(tmp_path, fresh):
    assert refused(tmp_path, build("digits-cnn", 10).state_dict(), fresh) == (
        "its head 'head' has 10 outputs instead of 2, one per label; "
        "use it as initial weights with a fresh head (--weights)"
    )


@pytest.mark.parametrize("head", ["other size", "none"])
def test_where_it_may_a_head_that_does_not_fit_stays_fresh_and_all_else_is_taken(tmp_path, trained, fresh, head):
    state = dict(trained.state_dict())
    for name in ("head.weight", "head.bias"):
        state[name] = torch.zeros(10, *state[name].shape[1:])
        if head == "none":
            del state[name]
    before = fresh.head.weight.clone()
    report = load_foreign(written(tmp_path, state), fresh, fresh_head=True)
    assert report.fresh_head
    assert "the head 'head' starts fresh" in str(report)
    assert torch.equal(fresh.head.weight, before)
    assert torch.equal(fresh.features[0][0].weight, trained.features[0][0].weight)


def test_a_head_that_fits_is_taken_where_a_fresh_one_would_do(tmp_path, trained, fresh):
    report = load_foreign(written(tmp_path, trained.state_dict()), fresh, fresh_head=True)
    assert not report.fresh_head
    assert_same(fresh, trained)


def test_with_a_fresh_head_everything_else_must_fit(tmp_path, trained, fresh):
    state = {name: t for name, t in trained.state_dict().items() if not name.startswith(("head.", "features.0.0"))}
    with pytest.raises(InputError, match=r"missing features\.0\.0\.weight; see"):
        load_foreign(written(tmp_path, state), fresh, fresh_head=True)


def test_numbers_that_are_none_are_refused(tmp_path, trained, fresh):
    state = {**trained.state_dict(), "head.bias": torch.tensor([0.0, float("nan")])}
    assert "'head.bias' holds NaN or infinity" in refused(tmp_path, state, fresh)


class Bomb:
    """Unpickling it would write a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self._file,)


def test_a_whole_network_is_refused_with_the_way_to_save_it(tmp_path, trained, fresh):
    said = refused(tmp_path, trained, fresh)
    assert "(core.models.networks.digits_cnn.DigitsCnn)" in said
    assert said.endswith("save a state dict instead: torch.save(network.state_dict(), FILE)")


def test_nothing_in_a_file_is_executed(tmp_path, trained, fresh):
    trap = tmp_path / "trap"
    assert "not unpickled" in refused(tmp_path, {"state_dict": trained.state_dict(), "more": Bomb(trap)}, fresh)
    assert "pathlib" in refused(tmp_path, {"state_dict": trained.state_dict(), "file": Path("a")}, fresh)
    assert not trap.exists()


def test_a_torchscript_archive_is_refused(tmp_path, fresh, recwarn):
    with warnings.catch_warnings(action="ignore"):
        torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(tmp_path / "network.pt")
    with pytest.raises(InputError, match=r"TorchScript archive.*state_dict"):
        load_foreign(tmp_path / "network.pt", fresh)
    assert not recwarn.list


@pytest.mark.parametrize(
    "content", [b"", b"no network", b"PK\x03\x04 cut short", b"\x80\x02\x8a\x0al", b'12345678{"a"']
)
def test_damaged_files_are_one_sentence(tmp_path, fresh, content):
    file = tmp_path / "network.pth"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"network.pth: is (neither|not) .*safetensors.*damaged"):
        load_foreign(file, fresh)


@pytest.mark.parametrize("value", [{}, [], {"epoch": 3}, torch.zeros(2)])
def test_files_without_named_tensors_are_refused(tmp_path, fresh, value):
    assert refused(tmp_path, value, fresh).startswith("has no named tensors")


def test_files_that_are_not_there_are_refused(tmp_path, fresh):
    with pytest.raises(InputError, match=r"gone.pth: cannot be read \(No such file"):
        load_foreign(tmp_path / "gone.pth", fresh)
    with pytest.raises(InputError, match="Is a directory"):
        load_foreign(tmp_path, fresh)


def test_names_from_a_file_cannot_move_the_cursor(tmp_path, trained, fresh):
    said = refused(tmp_path, {**trained.state_dict(), "features.\x1b[2Jextra": torch.zeros(1)}, fresh)
    assert "\x1b" not in said
    assert r"unexpected features.\x1b[2Jextra" in said


def test_a_digest_is_of_the_content_alone(tmp_path):
    for name, content in {"a": b"one", "b": b"one", "c": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")
    assert digest(tmp_path / "gone") == ""
