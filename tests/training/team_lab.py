"""Work that can be shared by two processes: each piece returns what it leads to, the same however many share it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from core.config import Compute, Erm, Finetune, Prune
from core.finding.biased import BiasedLearner
from core.parallel import form, team, together
from core.pruning.contrast import contrastive_loss
from core.pruning.learner import MaskLearner
from core.pruning.masks import MaskedNetwork
from core.stages.biased import Biased
from core.stages.cnc import Cnc
from core.training.cnc import CncLearner
from core.training.draw import balanced, every
from core.training.erm import ErmLearner
from core.training.finetune import FinetuneLearner
from core.training.gradient import Gradient
from core.training.images import Images, training_images
from core.training.memory import Parts
from core.training.objectives import GroupDroLoss
from core.training.precision import Precision
from core.training.predict import predict
from tests.pair import in_two_processes
from tests.training.stage_lab import context_of, random_data, run_folder

STEPS = 3
N = 24
Found = dict[str, torch.Tensor]


class Net(nn.Module):
    """Convolution, BatchNorm with statistics that matter, and a head."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.convolution = nn.Conv2d(3, 8, 3, bias=False)  # before BatchNorm, its gradient would be noise
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        z = F.relu(self.norm(self.convolution(images))).mean((2, 3))
        logits: torch.Tensor = self.head(z)
        return logits


class Both(Net):
    """Also returns what the logits are made of."""

    def forward(self, images):  # type: ignore[no-untyped-def,override]
        z = F.relu(self.norm(self.convolution(images))).mean((2, 3))
        return self.head(z), z


def mean_loss(outputs, labels, groups):
    return {"loss": F.cross_entropy(outputs[0], labels)}


def contrast(outputs, labels, groups):
    value, anchors = contrastive_loss(outputs[1], labels, groups, 0.3)
    return {"loss": F.cross_entropy(outputs[0], labels) + 0.5 * value, "anchors": anchors}


def dro(outputs, labels, groups):
    return {"loss": GroupDroLoss(4, 0.5, labels.device)(outputs[0], labels, groups)}


def gradients(path: Path, device: torch.device) -> Found:
    """Gradients, losses and statistics in double precision, of a whole batch and of an uneven stretch of it."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(N, 3, 6, 6, generator=random, dtype=torch.float64).to(device)
    labels, groups = (torch.randint(k, (N,), generator=random).to(device) for k in (3, 4))
    context, found = context_of(run_folder(path), stage="none", device=device), {}
    torch.set_default_dtype(torch.float64)
    try:
        for loss, additive in {mean_loss: True, contrast: False, dro: False}.items():
            for parts in (1, 2):  # those of one process have the same images as those of two together
                for name, samples in {"whole": slice(0, N), "stretch": slice(7, 18)}.items():
                    network = Both(3).to(device)
                    gradient = Gradient(context, Compute(accumulate=parts), network, "erm.batch_size")
                    mine = x[team().share(slice(0, N))]
                    losses = gradient.backward(
                        samples,
                        lambda rows: gradient.network(mine[rows]),  # noqa: B023  # called at once
                        lambda outputs, positions: loss(outputs, labels[positions], groups[positions]),  # noqa: B023
                        additive=additive,
                        share=0.25,
                    )
                    case = f"{loss.__name__}, {parts} parts, {name}"
                    found |= {f"{case}: {key}": p.grad for key, p in network.named_parameters()}
                    found |= {f"{case}: {key}": buffer for key, buffer in network.named_buffers()}
                    found |= {f"{case}: {key}": value for key, value in losses.items()}
    finally:
        torch.set_default_dtype(torch.float32)
    return found


def _learned(learner, steps: int = STEPS) -> Found:
    found: Found = {}
    for step in range(steps):
        found |= {f"{name} at step {step}": value for name, value in learner.step().items()}
    for group in learner.look()[0].groups:
        found[f"right in {group}"] = torch.tensor([group.n, group.correct])
    return found | dict(learner.network(0))


def erm(path: Path, device: torch.device) -> Found:
    """Training with crops and flips, in batches that two cannot share evenly."""
    context = context_of(run_folder(path), random_data(crop=6, augment=True), device=device)
    train, validation = training_images(context), Images(context.data, "validation", device)
    network, settings = Net().to(device), Erm(batch_size=13, optimizer="sgd")
    return _learned(ErmLearner(context, network, settings, Compute(), STEPS, train, validation, every(len(train))))


def group_dro(path: Path, device: torch.device) -> Found:
    context = context_of(run_folder(path), random_data(), device=device)
    train, validation = training_images(context), Images(context.data, "validation", device)
    objective, draw = GroupDroLoss(4, 0.1, device), balanced(train.groups.cpu())
    settings, compute = Erm(batch_size=12, optimizer="sgd"), Compute(accumulate=2)
    learner = ErmLearner(context, Net().to(device), settings, compute, STEPS, train, validation, draw, objective)
    return _learned(learner) | {"weights of the groups": objective.weights}


def cnc(path: Path, device: torch.device) -> Found:
    context = context_of(run_folder(path), random_data(), device=device)
    train, validation = training_images(context), Images(context.data, "validation", device)
    settings, groups = Erm(batch_size=12, optimizer="sgd"), torch.arange(len(train)) % 3
    of = Cnc(weight=0.5, temperature=0.5), groups, groups > 0
    draw = every(len(train))
    return _learned(CncLearner(context, Net().to(device), settings, Compute(), STEPS, train, validation, draw, *of))


def finetune(path: Path, device: torch.device) -> Found:
    context = context_of(run_folder(path), random_data(), stage="finetune", device=device)
    train, validation = training_images(context), Images(context.data, "validation", device)
    entries = {"indices": torch.arange(30), "weights": torch.linspace(0.5, 1.5, 30)}
    settings = Finetune(steps=STEPS, batch_size=11)
    return _learned(FinetuneLearner(context, Net().to(device), None, settings, Compute(), train, entries, validation))


def masks(path: Path, device: torch.device) -> Found:
    """Mask learning with contrast over two masks per step, and statistics that are recomputed."""
    context = context_of(run_folder(path), random_data(), stage="prune", device=device)
    validation, masked = Images(context.data, "validation", device), MaskedNetwork(Net().to(device).eval())
    entries = {"indices": torch.arange(31), "weights": torch.linspace(0.5, 1.5, 31)}
    settings = Prune(steps=STEPS, batch_size=24, samples=2, keep=0.5, contrast_temperature=0.5)
    groups = torch.arange(len(context.data.splits["train"].labels)) % 2
    learner = MaskLearner(context, masked, settings, Compute(accumulate=2), entries, groups, validation)
    return _learned(learner) | {"logits": masked.logits.detach(), "anchors": torch.tensor(learner.anchors())}


def biased(path: Path, device: torch.device) -> Found:
    context = context_of(run_folder(path), random_data(), stage="biased", device=device)
    train, validation = training_images(context), Images(context.data, "validation", device)
    network, settings = Net().to(device), Biased()
    learner = BiasedLearner(context, network, settings, 0.7, 12, Compute(), STEPS, train, validation, None, "order")
    found = _learned(learner)
    return found | {"mistakes": learner.mistakes(torch.arange(39)), "average": learner.average.head.weight}


def predictions(path: Path, device: torch.device) -> Found:
    """Splits with a last batch of one image, with and without a thread that reads ahead."""
    found: Found = {}
    for n in (501, 40):
        data = random_data(n)
        for travels in (False, True):
            if travels:
                data.splits["train"].images.flags.writeable = False  # as those of a mapped file
            images, network = Images(data, "train", device), Net().to(device).eval()
            seen = predict(network, images)
            found |= {f"{name} of {n}, {travels}": value for name, value in vars(seen).items()}
    context = context_of(run_folder(path), stage="none", device=device)
    parts, precision = Parts(context, Compute(), "x"), Precision(Compute(), device)
    both = Both().to(device).eval()
    pieces = [parts.forward(both, pixels, precision, rows)[1] for rows, pixels in images.in_order(13, 5)]
    return found | {"vectors": torch.cat(pieces)}


WORK: tuple[Callable[[Path, torch.device], Found], ...] = (
    gradients, erm, group_dro, cnc, finetune, masks, biased, predictions,
)  # fmt: skip


def alone(path: Path, device: torch.device) -> Mapping[str, Found]:
    return {work.__name__: work(path / work.__name__, device) for work in WORK}


def by_two(path: Path, device: torch.device) -> list[Mapping[str, Found]]:
    """What each of two processes finds."""
    in_two_processes(_one, path, device)
    return [torch.load(path / f"{rank}.pt") for rank in range(2)]


def _one(rank: int, path: Path, device: torch.device) -> None:
    torch.set_num_threads(1)
    with form(rank, (device, device), init_method=f"file://{path}/meeting"), together():
        found = alone(path / str(rank), device)
    on_cpu = {work: {name: value.detach().cpu() for name, value in of.items()} for work, of in found.items()}
    torch.save(on_cpu, path / f"{rank}.pt")
