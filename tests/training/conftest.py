from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from core.data.dataset import DataSet, Split
from core.events import Event
from core.groups import Evaluation, Group
from tests.threads import one_thread  # noqa: F401  # for every test here


@pytest.fixture
def dataset() -> DataSet:
    """Random images: 2 labels × 3 colours × 2 patches; validation lacks whole groups."""
    random = np.random.default_rng(0)

    def split(n: int) -> Split:
        return Split(
            random.integers(0, 256, (n, 3, 5, 4), dtype=np.uint8),
            random.integers(0, 2, n),
            np.stack([random.integers(0, 3, n), random.integers(0, 2, n)], axis=1),
            np.arange(n),
        )

    return DataSet(
        "random",
        ("a", "b"),
        {"colour": ("red", "green", "blue"), "patch": ("on", "off")},
        {"train": split(53), "validation": split(9), "test": split(17)},
        (0.1, 0.5, 0.25),
        (0.3, 0.2, 1.0),
        "",
    )


@dataclass
class FakeContext:
    """What `run_loop` needs of a stage's context, kept in lists; asks for a stop at boundary number `stop_at`."""

    stage: str = "erm"
    data: DataSet | None = None
    saved: dict[str, Any] | None = None
    stop_at: int | None = None
    events: list[Event] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)
    left: list[float | None] = field(default_factory=list)
    boundaries: int = 0
    kept: dict[str, Any] | None = None

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def progress(self, step: int, total: int, left: float | None = None) -> None:
        self.left.append(left)
        self.steps.append((step, total))

    def at_boundary(self, state: Callable[[], dict[str, Any]]) -> None:
        if self.boundaries == self.stop_at:
            self.kept = state()
            raise InterruptedError
        self.boundaries += 1

    def save(self, state: Callable[[], dict[str, Any]]) -> None:
        self.kept = state()

    def between_batches(self) -> None:
        pass

    def resume_state(self) -> dict[str, Any] | None:
        return self.saved

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def make_context() -> type[FakeContext]:
    return FakeContext


def evaluation_of(*correct: int) -> Evaluation:
    """Labels a, b by colours red, green: correct of 10 in each of the four groups."""
    titles = [(label, {"colour": colour}) for label in "ab" for colour in ("red", "green")]
    groups = tuple(Group(*title, 10, c) for title, c in zip(titles, correct, strict=True))
    return Evaluation("validation", groups, (0.25,) * 4)


@pytest.fixture
def evaluation() -> Callable[..., Evaluation]:
    return evaluation_of
