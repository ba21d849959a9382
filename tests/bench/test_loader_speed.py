"""How long a step waits for its images: ours from the store, a plain DataLoader from the JPEG files."""

import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from core.data.photos import PhotoSource
from core.data.sets.folder import Folder
from core.data.watch import threads
from core.training.images import Images
from tests.bench.timing import forms

SIDE = 64
CROP = 56
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def photos(root: Path, n: int) -> Path:
    """`n` different JPEG files with their table, nine of ten for training."""
    random = np.random.default_rng(0)
    scene = Image.fromarray(random.integers(0, 256, (150, 150, 3), dtype=np.uint8)).resize((1200, 1200), 3)
    lines = ["path,label,split"]
    for i in range(n):
        left, top = random.integers(0, 1200 - SIDE, 2).tolist()
        path = f"{i // 1000:02d}/{i:05d}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
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


def ours(images: Images, epochs: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in a new order each epoch, each fetched while the step before it is at work."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)[: len(images) // batch_size * batch_size]
        parts = order.split(batch_size)
        images.ahead(parts[0])
        for i, rows in enumerate(parts):
            batch = images.pixels(rows)
            if i + 1 < len(parts):
                images.ahead(parts[i + 1])
            yield batch, images.labels[rows]


def theirs(jpegs: Jpegs, workers: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    yield from DataLoader(jpegs, batch_size, shuffle=True, drop_last=True, num_workers=workers)


def timed(batches: Iterator[tuple[Tensor, Tensor]], steps: int) -> tuple[float, float]:
    """Seconds of a step, and of waiting for its batch, after some steps that are not timed."""
    made, optimizer = network()
    waiting, start = 0.0, 0.0
    for step in range(-steps // 4, steps):
        if step == 0:
            waiting, start = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch, labels = next(batches)
        waiting += time.perf_counter() - asked
        nn.functional.cross_entropy(made(batch), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - start) / steps, waiting / steps


def bare(batches: Callable[[], Iterator[tuple[Tensor, Tensor]]], steps: int) -> tuple[float, float]:
    """Images a second without any network, and MB of memory that the loader takes at most."""
    before, most = memory(), 0.0
    made = batches()
    batch_size = len(next(made)[1])
    start = time.perf_counter()
    for step in range(4 * steps):
        next(made)
        if step % steps == 0:
            most = max(most, memory() - before)
    return 4 * steps * batch_size / (time.perf_counter() - start), most


def memory() -> float:
    """MB that are no file's: of this process, and what its children do not share with it."""
    children = psutil.Process().children(recursive=True)
    return counted("self", "Anonymous") + sum(counted(str(each.pid), "Private_Dirty") for each in children)


def counted(process: str, what: str) -> float:
    lines = Path("/proc", process, "smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1000


@forms("n, batch_size, steps, rounds", short=[(100, 16, 1, 1)], full=[(20_000, 64, 20, 3)])
def test_the_second_epoch_waits_for_the_network_and_not_for_images(tmp_path, n, batch_size, steps, rounds, figures):
    torch.manual_seed(0)
    root = photos(tmp_path / "photos", n)
    source = PhotoSource(Folder(root=str(root), split_column="split", stored=SIDE, size=CROP), tmp_path / "cache")
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
    jpegs = Jpegs(root, [source.table.paths[row] for row in train.index], train.labels)

    def images() -> Images:
        return Images(dataset, "train", torch.device("cpu"), torch.Generator().manual_seed(0))

    def plain(workers: int) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
        return lambda: theirs(jpegs, workers, batch_size)

    print(f"\n{n:,} JPEG of {SIDE} × {SIDE}, {threads()} threads, ResNet-18 on {CROP} × {CROP}, batch {batch_size}")
    print(f"read {reading:.1f} s, decoded {building:.1f} s ({n / building:,.0f} images/s), again {starting:.2f} s")
    mine = ours(images(), 2, batch_size)
    for _ in range(len(train) // batch_size):  # the first epoch, without the network
        next(mine)
    several = sorted({0, threads()})
    steps_of = [(timed(mine, steps), [timed(plain(workers)(), steps) for workers in several]) for _ in range(rounds)]
    alone = [
        (bare(lambda: ours(images(), 1, batch_size), steps), [bare(plain(workers), steps) for workers in several])
        for _ in range(rounds)
    ]
    for i, workers in enumerate(several):
        against = f"DataLoader of JPEG, {workers} workers"
        pairs = [(mine[0], others[i][0]) for mine, others in steps_of]
        figures.of_pairs(f"training step with images of the store against {workers} workers", pairs, against=against)
        waits = [[100 * waiting / whole for whole, waiting in each] for each in _turned(steps_of, i)]
        assert all(0 < share < 100 for shares in waits for share in shares)
        name = f"share of a step that waits for the store against {workers} workers"
        figures.number(name, waits[0], "%", baseline=waits[1], against=against)
        pairs = [(1 / mine[0], 1 / others[i][0]) for mine, others in alone]
        assert all(0 < each < inf for pair in pairs for each in pair)
        figures.of_pairs(f"image of the store, no network, against {workers} workers", pairs, against=against)
        sizes = [[max(0.0, memory) for _, memory in each] for each in _turned(alone, i)]
        name = f"memory of the loader of the store against {workers} workers"
        figures.number(name, sizes[0], "MB", baseline=sizes[1], against=against)


def _turned(rounds: list, i: int) -> tuple[list, list]:
    """Ours of every round, and theirs with the i-th number of workers."""
    return [mine for mine, _ in rounds], [others[i] for _, others in rounds]
