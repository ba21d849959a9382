"""How long a step waits for its images: ours from the store, a plain DataLoader from the JPEG files."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.data.photos import PhotoSource
from core.data.sets.folder import Folder
from core.data.watch import threads
from core.training.images import Images

pytestmark = pytest.mark.bench

N = 20_000
SIDE = 64
CROP = 56
BATCH = 64
STEPS = 20
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


def timed(batches: Iterator[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Seconds of `STEPS` steps, and of waiting for their batches, after some that are not timed."""
    made, optimizer = network()
    waiting, start = 0.0, 0.0
    for step in range(-STEPS // 4, STEPS):
        if step == 0:
            waiting, start = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch, labels = next(batches)
        waiting += time.perf_counter() - asked
        nn.functional.cross_entropy(made(batch), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - start, waiting


def bare(batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> tuple[float, float]:
    """Images a second without any network, and MB of memory that the loader takes at most."""
    before, most = memory(), 0.0
    made = batches()
    next(made)
    start = time.perf_counter()
    for step in range(4 * STEPS):
        next(made)
        if step % STEPS == 0:
            most = max(most, memory() - before)
    return 4 * STEPS * BATCH / (time.perf_counter() - start), most


def memory() -> float:
    """MB that are no file's: of this process, and what its children do not share with it."""
    children = psutil.Process().children(recursive=True)
    return counted("self", "Anonymous") + sum(counted(str(each.pid), "Private_Dirty") for each in children)


def counted(process: str, what: str) -> float:
    lines = Path("/proc", process, "smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1000


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

    def plain(workers: int) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
        return lambda: theirs(jpegs, workers, 1)

    epoch = len(train) // BATCH
    with capsys.disabled():
        print(f"\n{N:,} JPEG of {SIDE} × {SIDE}, {threads()} threads, ResNet-18 on {CROP} × {CROP}, batch {BATCH}")
        print(f"read {reading:.1f} s, decoded {building:.1f} s ({N / building:,.0f} images/s), again {starting:.2f} s")
        alone = bare(lambda: ours(images(), 1))
        mine = ours(images(), 2)
        for _ in range(epoch):  # the first epoch, without the network
            next(mine)
        report("ours, second epoch", timed(mine), alone)
        for workers in (0, threads()):
            report(f"DataLoader, {workers} workers", timed(plain(workers)()), bare(plain(workers)))


def report(name: str, steps: tuple[float, float], alone: tuple[float, float]) -> None:
    (seconds, waiting), (rate, memory_taken) = steps, alone
    print(
        f"{name:24} {1000 * seconds / STEPS:6.0f} ms a step, {waiting / seconds:6.1%} of it waiting for images; "
        f"alone {rate:7,.0f} images/s with {memory_taken:4.0f} MB"
    )
