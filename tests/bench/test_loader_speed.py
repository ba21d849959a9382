"""How long a step waits for its images: ours from the store, a plain DataLoader from the JPEG files."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.config import Folder
from core.data.photos import PhotoSource
from core.data.watch import threads
from core.training.images import Images

pytestmark = pytest.mark.bench

N = 20_000
SIDE = 64
CROP = 56
BATCH = 64
STEPS = 40
"""Steps of an epoch that are timed, after as many that are not: the network is the same at every step."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """`N` different JPEG files with their table, nine of ten for training."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    scene = Image.fromarray(random.integers(0, 256, (150, 150, 3), dtype=np.uint8)).resize((1200, 1200), 3)
    lines = ["path,label,split"]
    for i in range(N):
        left, top = random.integers(0, 1200 - SIDE, 2).tolist()
        path = f"{i // 1000:02d}/{i:05d}.jpg"
        (root / path).parent.mkdir(exist_ok=True)
        scene.crop((left, top, left + SIDE, top + SIDE)).save(root / path, quality=90)
        lines.append(f"{path},{i % 2},{('val', 'test')[i % 2] if i % 20 < 2 else 'train'}")
    (root / "metadata.csv").write_text("\n".join(lines) + "\n")
    return root


class Jpegs(Dataset):
    """What people write: open, crop, flip and normalise one file at a time."""

    def __init__(self, root: Path, paths: list[str], labels: np.ndarray) -> None:
        from torchvision import transforms

        self.root, self.paths, self.labels = root, paths, labels
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(CROP, scale=(0.7, 1.0)),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.transform(Image.open(self.root / self.paths[row]).convert("RGB")), int(self.labels[row])


def network() -> tuple[nn.Module, torch.optim.Optimizer]:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    made = resnet18(num_classes=2).to(memory_format=torch.channels_last)
    return made, torch.optim.SGD(made.parameters(), lr=0.01, momentum=0.9)


def ours(images: Images, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in a new order each epoch, each fetched while the step before it is at work."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)[: len(images) // BATCH * BATCH].split(BATCH)
        images.ahead(order[0])
        for i, rows in enumerate(order):
            batch = images.pixels(rows)
            if i + 1 < len(order):
                images.ahead(order[i + 1])
            yield batch, images.labels[rows]


def theirs(jpegs: Jpegs, workers: int, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(epochs):
        yield from DataLoader(jpegs, BATCH, shuffle=True, drop_last=True, num_workers=workers)


def timed(batches: Iterator[tuple[Tensor, Tensor]], before: int) -> tuple[float, float, float]:
    """Seconds of `STEPS` steps and of waiting for their batches, after `before` steps; most MB in private memory."""
    made, optimizer = network()
    waiting, start, most = 0.0, 0.0, 0.0
    for step in range(before + STEPS):
        if step == before:
            waiting, start = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch, labels = next(batches)
        waiting += time.perf_counter() - asked
        nn.functional.cross_entropy(made(batch), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0:
            most = max(most, private())
    return time.perf_counter() - start, waiting, most


def private() -> float:
    """MB of this process and its children that are no file's."""
    me = psutil.Process()
    return sum(each.memory_full_info().uss for each in (me, *me.children(recursive=True))) / 1e6


def bare(batches: Iterator[tuple[Tensor, Tensor]]) -> float:
    """Images a second without any network."""
    next(batches)
    start = time.perf_counter()
    for _ in range(2 * STEPS):
        next(batches)
    return 2 * STEPS * BATCH / (time.perf_counter() - start)


def test_the_second_epoch_waits_for_the_network_and_not_for_images(photos, tmp_path, capsys):
    torch.manual_seed(0)
    source = PhotoSource(
        Folder(root=str(photos), split_column="split", stored=SIDE, size=CROP), folder=tmp_path / "cache"
    )
    clock = time.perf_counter()
    source.fingerprint()
    reading = time.perf_counter() - clock
    dataset = source.load()
    building = time.perf_counter() - clock - reading
    clock = time.perf_counter()
    again = PhotoSource(source.settings, tmp_path / "cache").load()
    starting = time.perf_counter() - clock
    assert again.fingerprint == dataset.fingerprint
    train = dataset.splits["train"]
    jpegs = Jpegs(photos, [source.table.paths[row] for row in train.index], train.labels)

    def images() -> Images:
        return Images(dataset, "train", torch.device("cpu"), torch.Generator().manual_seed(0))

    epoch = len(train) // BATCH
    fast = bare(ours(images(), 1))
    # Ours is timed in its second epoch; of the first it runs the batches without the network.
    mine = ours(images(), 2)
    for _ in range(epoch):
        next(mine)
    with capsys.disabled():
        print(f"\n{N:,} JPEG of {SIDE} × {SIDE}, {threads()} threads, ResNet-18 on {CROP} × {CROP}, batch {BATCH}")
        print(
            f"read {reading:.1f} s, decoded {building:.1f} s ({N / building:,.0f} images/s), next start {starting:.2f} s"
        )
        seconds, waiting, most = timed(mine, STEPS // 4)
        report("ours, second epoch", seconds, waiting, most, fast)
        for workers in (0, threads()):
            slow = bare(theirs(jpegs, workers, 1))
            seconds, waiting, most = timed(theirs(jpegs, workers, 1), STEPS // 4)
            report(f"DataLoader, {workers} workers", seconds, waiting, most, slow)


def report(name: str, seconds: float, waiting: float, most: float, alone: float) -> None:
    print(
        f"{name:24} {1000 * seconds / STEPS:6.0f} ms a step, {waiting / seconds:6.1%} of it waiting for images, "
        f"{most:5.0f} MB private; alone {alone:7,.0f} images/s"
    )
