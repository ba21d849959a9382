"""Precision, parts, samples and memory in whole stages."""

import threading
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from core.artifacts import BALANCED, MASKS, MODEL, features_file
from core.config import Compute, Erm, Finetune, Model, Prune, Represent, Select
from core.errors import StageError, Stopped
from core.events import Scalars, Warned
from core.finding.pseudo_groups import PseudoGroups
from core.pruning import learner as prune_module
from core.stages.erm import TrainErm
from core.stages.finetune import FinetuneNetwork
from core.stages.prune import LearnMasks
from core.stages.represent import ExtractRepresentation
from core.tensors import load_tensors, save_tensors
from core.training import network as network_module
from core.training.learner import WeightLearner
from core.training.network import load_network
from tests.training.stage_lab import Decoded, context_of, random_data, run_folder

MLP = Model(name="mlp")  # without BatchNorm, so that parts are exact
LAST = Select(looks=1)


class Room:
    """Networks whose forward pass with gradient runs out of memory above `room` images."""

    def __init__(self, room, monkeypatch, dropout=0.0):
        self.room = room
        self.sizes = []

        def build(name, outputs, channels, size):
            network = nn.Sequential(nn.Flatten(), nn.Linear(channels * size[0] * size[1], 12), nn.Tanh())
            network.append(nn.Dropout(dropout)).append(nn.Linear(12, outputs))
            network.register_forward_pre_hook(self._look)
            return network

        monkeypatch.setattr(network_module, "build", build)

    def _look(self, _, inputs):
        if torch.is_grad_enabled():
            self.sizes.append(len(inputs[0]))
            if len(inputs[0]) > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def run(tmp_path):
    """Run a stage in a folder of its own, stopping at the boundaries given, and return its artifacts and events."""
    numbers = iter(range(100))

    def run(stage, data=None, stops=(), name=None):
        folder = run_folder(tmp_path / str(next(numbers)))
        data = data or random_data()
        if stage.name != "erm":
            _inputs(folder, stage, data)
        events = []
        for stop in (*stops, None):
            boundaries = iter(range(10**6))
            context = context_of(
                folder,
                data,
                stage=stage.name,
                events=events,
                stop_asked=lambda stop=stop, boundaries=boundaries: next(boundaries) == stop,
            )
            if stop is None:
                stage.run(context)
            else:
                with pytest.raises(Stopped):
                    stage.run(context)
        return context.directory, events, folder

    return run


def _inputs(folder, stage, data):
    """A network, clusters and a balanced set that the stage can begin with."""
    torch.manual_seed(9)
    network = network_module.new_network(stage.model, data)
    save_tensors(folder.artifacts("erm") / MODEL, network.state_dict())
    n = len(data.splits["train"])
    generator = torch.Generator().manual_seed(4)
    clusters = torch.randint(3, (n,), generator=generator)
    found = folder.artifacts("find")
    found.mkdir()
    PseudoGroups("random", ("0", "1", "2"), clusters.numpy(), (clusters > 1).numpy()).save(found)
    indices = torch.randperm(n, generator=generator)[: n - 4]
    weights = torch.rand(len(indices), generator=generator) + 0.5
    save_tensors(folder.artifacts("balance") / BALANCED, {"indices": indices, "weights": weights})


def erm(compute=None, **settings):
    values = {"epochs": 3, "batch_size": 12, "keep_epochs": (), "lr": 0.01} | settings
    return TrainErm(Erm(**values), MLP, LAST, compute=Compute(**compute or {}))


def finetune(compute=None, **settings):
    values = {"steps": 6, "batch_size": 12, "lr": 1e-3} | settings
    return FinetuneNetwork(Finetune(**values), MLP, LAST, source="erm", compute=Compute(**compute or {}))


def prune(compute=None, model=MLP, **settings):
    values = {"steps": 6, "batch_size": 24, "sparsity_weight": 1e-5} | settings
    return LearnMasks(Prune(**values), model, LAST, Compute(**compute or {}))


STAGES = {
    "erm": erm,
    "group-dro": partial(erm, objective="group-dro", dro_step_size=0.5),
    "finetune": finetune,
    "prune": prune,
    "prune without contrast": partial(prune, contrast_weight=0.0),
    "prune with samples": partial(prune, samples=3),
}
RESULTS = {"erm": MODEL, "finetune": MODEL, "prune": MASKS}


def losses_of(events):
    return [event.values for event in events if isinstance(event, Scalars)]


def same(ours, theirs, file=MODEL):
    ours, theirs = load_tensors(ours / file), load_tensors(theirs / file)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("name", STAGES)
def test_accumulation_takes_the_steps_of_the_whole_batch(run, name):
    (_, whole, _), (_, parts, _) = (run(STAGES[name]({"accumulate": count})) for count in (1, 3))
    assert len(losses_of(whole)) > 3
    for ours, theirs in zip(losses_of(parts), losses_of(whole), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)
    assert losses_of(whole)[0] != losses_of(whole)[-1]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", STAGES)
def test_half_precision_takes_about_the_same_steps_and_keeps_everything_in_fp32(run, name, precision):
    artifacts, half, _ = run(STAGES[name]({"precision": precision}))
    _, full, _ = run(STAGES[name]())
    for ours, theirs in zip(losses_of(half), losses_of(full), strict=True):
        assert ours == pytest.approx(theirs, rel=0.15, abs=0.05)
    assert losses_of(half) != losses_of(full)
    assert {tensor.dtype for tensor in load_tensors(artifacts / MODEL).values()} == {torch.float32}


COMPUTES = [{"accumulate": 3}, {"precision": "bf16"}, {"precision": "fp16", "accumulate": 2}]


@pytest.mark.parametrize("compute", COMPUTES)
@pytest.mark.parametrize("name", ["erm", "group-dro", "finetune", "prune with samples"])
def test_a_stopped_stage_goes_on_to_the_same_bits_whatever_is_computed_how(run, name, compute):
    data = random_data(side=10, crop=8, augment=True)
    stage = STAGES[name](compute)
    whole, _, _ = run(stage, data)
    stopped, _, _ = run(stage, data, stops=(2, 3))
    for file in {MODEL, RESULTS[stage.name]}:
        assert same(whole, stopped, file)


@pytest.mark.parametrize("name", STAGES)
def test_out_of_memory_ends_a_stage_with_the_batch_that_would_fit(run, monkeypatch, name):
    Room(7, monkeypatch)
    with pytest.raises(StageError, match=r"out of memory on cpu with (12|24|8) images at a time; about (6|12|4) would"):
        run(STAGES[name]())


@pytest.mark.parametrize("name", STAGES)
def test_with_auto_batch_a_stage_goes_on_from_the_same_step_with_the_same_draws(run, monkeypatch, name):
    """From the first step on it takes the very steps of a stage that was told so many parts: dropout and all."""
    stage = STAGES[name]({"auto_batch": True})
    size = 8 if name == "prune with samples" else 24 if stage.name == "prune" else 12
    room = Room(size // 2, monkeypatch, dropout=0.3)
    ours, events, _ = run(stage)
    assert room.sizes[0] == size
    warned = [e for e in events if isinstance(e, Warned) and e.code == "auto-batch"]
    assert len(warned) == 1
    assert f"{size} images at a time; continuing with {size // 2} at a time" in warned[0].text
    theirs, told, _ = run(STAGES[name]({"accumulate": 2}))
    assert losses_of(events) == losses_of(told)
    for file in {MODEL, RESULTS[stage.name]}:
        assert same(ours, theirs, file)


@pytest.mark.parametrize("name", STAGES)
def test_memory_that_runs_out_later_leaves_the_steps_as_they_are(run, monkeypatch, name):
    room = Room(100, monkeypatch)
    _, whole, _ = run(STAGES[name]())
    room.sizes.clear()
    inner = room._look

    def shrink(network, inputs):
        room.room = 100 if len(room.sizes) < 4 else 5
        inner(network, inputs)

    monkeypatch.setattr(room, "_look", shrink)
    _, events, _ = run(STAGES[name]({"auto_batch": True}))
    assert any(isinstance(e, Warned) and e.code == "auto-batch" for e in events)
    for ours, theirs in zip(losses_of(events), losses_of(whole), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)


def test_a_stage_that_found_its_parts_keeps_them_when_it_goes_on(run, monkeypatch):
    Room(6, monkeypatch, dropout=0.3)
    stage = erm({"auto_batch": True})
    whole, _, _ = run(stage)
    stopped, events, _ = run(stage, stops=(4,))
    assert same(whole, stopped)
    assert len([e for e in events if isinstance(e, Warned)]) == 1


@pytest.mark.parametrize("samples", [1, 3])
def test_masks_share_the_batch_and_their_gradients_are_averaged(run, monkeypatch, samples):
    """One mask gives the very bits of a plain backward pass through the masked network."""
    seen = {}
    original = prune_module.MaskLearner._backward

    def spy(self, pixels, entries):
        state = self._noise.get_state()
        losses = original(self, pixels, entries)
        if not seen:
            after = self._noise.get_state()
            seen["ours"] = self._masked.logits.grad.clone()
            self._noise.set_state(state)
            self._masked.logits.grad = None
            n, total = len(entries), 0
            for i in range(samples):
                part = slice(i * n // samples, (i + 1) * n // samples)
                logits, z = self._masked(pixels[part], self._noise)
                total = total + (part.stop - part.start) / n * self._losses(logits, z, entries[part])["loss"]
            total.backward()
            seen["theirs"] = self._masked.logits.grad.clone()
            assert torch.equal(self._noise.get_state(), after)
            self._masked.logits.grad = seen["ours"].clone()
        return losses

    monkeypatch.setattr(prune_module.MaskLearner, "_backward", spy)
    run(prune(samples=samples, batch_size=23))
    assert seen["theirs"].abs().max() > 0
    if samples == 1:
        assert torch.equal(seen["ours"], seen["theirs"])
    torch.testing.assert_close(seen["ours"], seen["theirs"], rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", ["erm", "finetune", "prune"])
def test_a_stage_on_images_that_travel_fetches_every_batch_ahead_and_gives_the_same_bits(run, name):
    data = random_data(side=10, crop=8, augment=True)
    expected, _, _ = run(STAGES[name](), data)
    split = data.splits["train"]
    source = Decoded(split.images)
    travelling = replace(data, splits={**data.splits, "train": replace(split, images=source)})
    found, _, _ = run(STAGES[name](), travelling)
    for file in {MODEL, RESULTS[name]}:
        assert same(found, expected, file)
    in_steps = [thread for thread, rows in source.asked if isinstance(rows, list)]
    here = threading.current_thread()
    assert in_steps[0] is here
    assert here not in in_steps[1:]
    stopped, _, _ = run(STAGES[name](), travelling, stops=(2, 3))
    for file in {MODEL, RESULTS[name]}:
        assert same(stopped, expected, file)


@pytest.mark.parametrize("name", ["erm", "finetune", "prune"])
def test_training_images_are_augmented_where_the_data_says_so(run, name):
    plain, crops = random_data(side=10, crop=8), random_data(side=10, crop=8, augment=True)
    ours, theirs = (run(STAGES[name](), data)[1] for data in (plain, crops))
    assert losses_of(ours) != losses_of(theirs)


def test_representation_and_statistics_are_those_of_images_as_they_are(run, monkeypatch):
    """Neither draws from the stream of the augmentation, so both see what evaluation sees."""
    plain, crops = random_data(side=10, crop=8), random_data(side=10, crop=8, augment=True)
    stage = ExtractRepresentation(Represent(batch_size=16, checkpoints="last"), Erm(), MLP)
    ours, theirs = (run(stage, data)[0] for data in (plain, crops))
    assert same(ours, theirs, features_file(ours, Erm().epochs).name)
    seen = []

    def spy(network, batches, forward):
        seen.append(torch.cat(list(batches)))

    monkeypatch.setattr(prune_module, "recompute_statistics", spy)
    for data in (plain, crops):
        run(prune(), data)
    assert torch.equal(*seen)


def test_more_masks_than_images_are_one_for_each(run):
    _, events, _ = run(prune(samples=50, batch_size=4, contrast_weight=0.0))
    assert losses_of(events)


def test_representations_in_parts_and_in_bf16_are_those_of_one_piece(run, monkeypatch):
    def represent(**compute):
        return ExtractRepresentation(Represent(batch_size=16, checkpoints="last"), Erm(), MLP, Compute(**compute))

    plain, _, folder = run(represent())
    features = load_tensors(features_file(plain, Erm().epochs))["features"]
    network = load_network(MLP, random_data(), folder.artifacts("erm") / MODEL, torch.device("cpu"))
    assert features.shape == (40, [m for m in network.modules() if isinstance(m, nn.Linear)][-1].in_features)
    half = load_tensors(features_file(run(represent(precision="bf16"))[0], Erm().epochs))["features"]
    assert half.dtype == torch.float32
    assert not torch.equal(half, features)
    torch.testing.assert_close(half, features, rtol=0.05, atol=0.05)


def test_representations_go_on_in_parts_where_memory_runs_out(run, monkeypatch):
    from core.models.representation import Representation

    sizes, inner = [], Representation.__call__

    def call(self, images, weights=None):
        sizes.append(len(images))
        if len(images) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inner(self, images, weights)

    stage = partial(ExtractRepresentation, Represent(batch_size=16, checkpoints="last"), Erm(), MLP)
    expected = load_tensors(features_file(run(stage())[0], Erm().epochs))
    monkeypatch.setattr(Representation, "__call__", call)
    found = load_tensors(features_file(run(stage(Compute(auto_batch=True)))[0], Erm().epochs))
    torch.testing.assert_close(found["features"], expected["features"])
    assert torch.equal(found["classes"], expected["classes"])
    assert sizes[:6] == [16, 8, 4, 4, 4, 4]
    with pytest.raises(
        StageError, match=r"with 16 images at a time; about 8 would fit: set represent.batch_size=8, or use"
    ):
        run(stage())


@pytest.mark.gpu
@pytest.mark.parametrize("compute", [{}, *COMPUTES, {"auto_batch": True}])
@pytest.mark.parametrize("travels", [False, True])
@pytest.mark.parametrize("name", ["erm", "group-dro", "finetune", "prune with samples"])
def test_no_step_waits_for_a_gpu(tmp_path, name, compute, travels):
    data = random_data(side=10, crop=8, augment=True)
    if travels:
        split = data.splits["train"]
        data = replace(data, splits={**data.splits, "train": replace(split, images=Decoded(split.images))})
    stage, folder, device = STAGES[name](compute), run_folder(tmp_path), torch.device("cuda", 0)
    if stage.name != "erm":
        _inputs(folder, stage, data)
    checked = []

    def watched(step):
        def quiet(self):
            if len(checked) < 3:  # state is made in the first steps
                checked.append(1)
                return step(self)
            torch.cuda.set_sync_debug_mode("error")
            try:
                return step(self)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        return quiet

    with pytest.MonkeyPatch.context() as patch:
        for kind in (WeightLearner, prune_module.MaskLearner):
            patch.setattr(kind, "step", watched(kind.step))
        stage.run(context_of(folder, data, stage=stage.name, device=device))
    assert len(checked) == 3
