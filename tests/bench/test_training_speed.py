"""What a training step and the extraction of the representation cost, against a bare loop in plain torch."""

import torch
from torch import nn
from torch.nn import functional as F

from core.config import Compute, Erm
from core.models.networks import build
from core.models.representation import Representation
from core.training.draw import every
from core.training.erm import ErmLearner
from core.training.images import Images
from core.training.memory import Parts
from core.training.precision import Precision
from tests.bench.timing import forms
from tests.training.stage_lab import CPU, context_of, random_data, run_folder


def plain_batches(data, batch_size):
    """Batches without end, in a new order in every pass, normalised as anyone would."""
    split = data.splits["train"]
    pixels = torch.from_numpy(split.images).to(memory_format=torch.channels_last)
    labels = torch.from_numpy(split.labels)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (data.mean, data.std))
    random = torch.Generator().manual_seed(0)
    while True:
        for rows in torch.randperm(len(labels), generator=random).split(batch_size):
            if len(rows) == batch_size:
                yield (pixels[rows].float() / 255 - mean) / std, labels[rows]


def network(name, side):
    torch.manual_seed(0)
    return build(name, 2, 3, (side, side)).to(memory_format=torch.channels_last)


def erm_step(folder, data, name, side, batch_size):
    train, validation = (Images(data, split, CPU) for split in ("train", "validation"))
    made, settings = network(name, side), Erm(batch_size=batch_size)
    context = context_of(folder, data)
    learner = ErmLearner(context, made, settings, Compute(), 10_000, train, validation, every(len(train)))
    return learner.step


def plain_step(data, name, side, batch_size):
    made = network(name, side).train()
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01, momentum=0.9)
    batches = plain_batches(data, batch_size)

    def step():
        images, labels = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(made(images), labels).backward()
        optimizer.step()

    return step


@forms(
    "name, side, batch_size, repetitions",
    short=[("digits-cnn", 28, 8, 1)],
    full=[("digits-cnn", 28, 64, 101), ("resnet18", 64, 64, 11)],
)
def test_a_training_step_against_a_plain_one(tmp_path, name, side, batch_size, repetitions, figures):
    data = random_data(4 * batch_size, side)
    ours = erm_step(run_folder(tmp_path), data, name, side, batch_size)
    plain = plain_step(data, name, side, batch_size)
    what = f"training step of {name}, {batch_size} images of {side}²"
    figures.ratio(what, ours, plain, repetitions, against="plain torch", target=1.1)


@forms(
    "name, side, n, batch_size, repetitions",
    short=[("digits-cnn", 28, 16, 8, 1)],
    full=[("digits-cnn", 28, 2_000, 500, 11), ("resnet18", 64, 256, 64, 9)],
)
def test_extraction_against_a_plain_forward_pass(tmp_path, name, side, n, batch_size, repetitions, figures):
    data = random_data(n, side)
    folder, images, made = run_folder(tmp_path), Images(data, "train", CPU), network(name, side).eval()
    representation, precision = Representation(made), Precision(Compute(), CPU)
    parts = Parts(context_of(folder, data, stage="represent"), Compute(), "represent.batch_size")
    body, head, seen = made, representation.head, []

    def ours():
        for rows, pixels in images.in_order(batch_size):
            parts.forward(representation, pixels, precision, rows)

    def plain():
        taken = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        split = data.splits["train"]
        mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (data.mean, data.std))
        with torch.no_grad():
            for rows in torch.arange(n).split(batch_size):
                pixels = torch.from_numpy(split.images)[rows].to(memory_format=torch.channels_last)
                body((pixels.float() / 255 - mean) / std)
        taken.remove()
        seen.clear()

    assert isinstance(head, nn.Linear)
    what = f"representation of {n:,} images of {side}², {name}"
    figures.ratio(what, ours, plain, repetitions, against="plain torch", target=1.1)
