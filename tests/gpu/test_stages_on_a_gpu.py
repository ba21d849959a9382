"""Every stage and learner on a simulated GPU: right devices and types, no waiting in a step, the bits of the CPU."""

import pytest
import torch
import torch.nn.functional as F

from core.training.erm import ErmLearner
from core.training.gradient import Gradient
from tests.gpu.simulated import POSSIBLE, SPOILS, Imprecise, Mixed, Waits, operations, simulated, step
from tests.gpu.stages import Lab, learner_kinds, stage_kinds

STAGES, LEARNERS = stage_kinds(), learner_kinds()
NOTICED = (Waits, Mixed)
pytestmark = pytest.mark.skipif(not POSSIBLE, reason="this torch cannot have devices that are written in Python")


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """The stages that nearly all recipes share, and members that are trained together."""
    torch.set_num_threads(1)
    lab = Lab(tmp_path_factory.mktemp("some"), ["fp16"])
    lab.some()
    return lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """All stages of all recipes, finders and variants, each once."""
    torch.set_num_threads(1)
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.everything()
    return lab


def test_what_is_declared_is_found():
    assert {"TrainErm", "LearnMasks", "FindPseudoGroups", "TrainMembers"} <= set(STAGES)
    assert {"ErmLearner", "MaskLearner", "SweepLearner", "HeadLearner", "SoftAssignment"} <= set(LEARNERS)
    assert "WeightLearner" not in LEARNERS


def test_training_masks_and_members_are_right_on_a_gpu(some):
    assert {run.kind for run in some.runs} >= {"TrainErm", "LearnMasks", "TrainMembers", "FindPseudoGroups"}
    for run in some.runs:
        if run.error is not None:
            raise AssertionError(f"{run.kind} ({run.way})") from run.error
    assert {(run.kind, run.way): run.different for run in some.runs if run.different} == {}


@pytest.mark.simulated_gpu
@pytest.mark.parametrize("kind", STAGES)
def test_a_stage_never_mixes_devices_and_no_step_of_it_waits(lab, kind):
    runs = [run for run in lab.runs if run.kind == kind]
    assert runs, f"no recipe, finder or variant (tests/gpu/stages.py) has a stage {kind}"
    for run in runs:
        if run.error is not None:
            raise AssertionError(f"{kind} ({run.way})") from run.error


@pytest.mark.simulated_gpu
@pytest.mark.parametrize("kind", STAGES)
def test_a_stage_makes_on_a_gpu_what_it_makes_on_a_cpu(lab, kind):
    assert {run.way: run.different for run in lab.runs if run.kind == kind and run.different} == {}


@pytest.mark.parametrize("kind", ["ErmLearner", "MaskLearner", "SweepLearner"])
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_mistake_in_a_step_is_noticed(some, kind, spoil):
    spoiled(some, kind, spoil)


@pytest.mark.simulated_gpu
@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_mistake_in_a_step_of_any_learner_is_noticed(lab, kind, spoil):
    spoiled(lab, kind, spoil)


def spoiled(lab, kind, spoil):
    """A number that is read, or a tensor that is made on the CPU: at the first, the middle and the last operation."""
    assert LEARNERS[kind] in lab.learners, f"no stage took a step of {kind}"
    learner, args = lab.learners[LEARNERS[kind]]
    with simulated():
        with step():
            learner.step(*args)
        last = operations() - 1
        for at in (0, last // 2, last):
            with pytest.raises(NOTICED), step(spoil, at):
                learner.step(*args)


SLIPS = {
    "item": (Waits, lambda loss: loss * loss.detach().item()),
    "float": (Waits, lambda loss: loss * float(loss.detach())),
    "bool": (Waits, lambda loss: loss if loss > 0 else -loss),
    "cpu": (Waits, lambda loss: loss + 0 * len(loss.detach().cpu().shape)),
    "tolist": (Waits, lambda loss: loss * sum(loss.detach().reshape(1).tolist())),
    "nonzero": (Waits, lambda loss: loss * len(loss.reshape(1).nonzero())),
    "mask": (Waits, lambda loss: loss.reshape(1)[loss.reshape(1) > 0].sum()),
    "tensor of the CPU": (Mixed, lambda loss: (loss * torch.ones(1)).sum()),
    "number of the CPU": (Mixed, lambda loss: loss * torch.tensor(1.0)),
    "copied from the CPU": (Waits, lambda loss: loss * torch.tensor(1.0).to(loss.device)),
    "tensor with values": (Waits, lambda loss: loss * torch.tensor(1.0, device=loss.device)),
    "generator of the CPU": (Mixed, lambda loss: loss * torch.rand((), generator=torch.Generator(), device="cuda")),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_loss_is_noticed(some, slip, monkeypatch):
    expected, slipped = SLIPS[slip]
    learner, _ = some.learners[ErmLearner]
    plain = ErmLearner.loss
    monkeypatch.setattr(ErmLearner, "loss", lambda self, *args: slipped(plain(self, *args)))
    with simulated(), pytest.raises(expected), step():
        learner.step()


def test_a_loss_in_half_precision_is_noticed(some, monkeypatch):
    learner, _ = some.learners[ErmLearner]
    labels = learner._labels
    monkeypatch.setattr(
        ErmLearner, "loss", lambda self, logits, drawn: F.cross_entropy(logits.bfloat16(), labels[drawn])
    )
    with simulated(), pytest.raises(Imprecise), step():
        learner.step()


def test_a_forward_pass_that_is_not_in_half_precision_is_noticed(some, monkeypatch):
    learner, _ = some.learners[ErmLearner]  # whose last step was in fp16
    assert learner._gradient.precision.scales
    network = learner._gradient.network

    def outside(pixels):
        with torch.autocast("cuda", enabled=False):
            return (network(pixels.float()),)

    monkeypatch.setattr(learner, "outputs", outside)
    with simulated(), pytest.raises(Imprecise), step():
        learner.step()
    assert isinstance(learner._gradient, Gradient)
