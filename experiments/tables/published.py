"""Published accuracies on ColoredMNIST, for comparison only; no run uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Shares = tuple[float, float | None]
"""Mean in per cent, and its standard deviation if one was published."""


class Source(NamedTuple):
    """Where numbers were published: a short name, and the protocol in words."""

    name: str
    protocol: str


@dataclass(frozen=True)
class Anchor:
    """Accuracies of the method of a recipe by one source: label noise → split → accuracy, the mean over the split."""

    recipe: str
    source: Source
    values: Mapping[float, Mapping[str, Shares]]


IRM_AUTHORS = Source("IRM authors", "log of the code of arXiv 1907.02893, 50,000 training images, 10 restarts")
EIIL_AUTHORS = Source("EIIL repository", "repository of arXiv 2010.07249, 50,000 training images, 10 restarts")
PROTOCOL = {"environment_noise": [0.2, 0.1], "test_noise": 0.9}
"""Settings of data set `cmnist` behind the published numbers."""


def _over_noise(*tests: float) -> dict[float, dict[str, Shares]]:
    """Test accuracies for label noise 0, 0.05, 0.10, …; without deviations."""
    return {round(0.05 * i, 2): {"test": (test, None)} for i, test in enumerate(tests)}


def _logged(train: Shares, test: Shares) -> dict[float, dict[str, Shares]]:
    return {0.25: {"train": train, "test": test}}


_EIIL = _over_noise(70.9, 42.2, 43.1, 66.8, 70.6, 69.4, 62.3, 57.2)
_EIIL[0.25]["train"] = (73.7, None)

ANCHORS = (
    Anchor("erm-pooled", IRM_AUTHORS, _logged((87.4, 0.2), (17.1, 0.7))),
    Anchor("erm-pooled", EIIL_AUTHORS, _over_noise(91.7, 77.2, 58.6, 38.4, 22.4, 13.9, 10.9, 10.2)),
    Anchor("erm-grey", IRM_AUTHORS, _logged((73.5, 0.2), (73.0, 0.5))),
    Anchor("erm-grey", EIIL_AUTHORS, _over_noise(97.8, 92.8, 87.7, 82.7, 77.8, 72.7, 67.3, 62.2)),
    Anchor("irm-given", IRM_AUTHORS, _logged((70.8, 0.9), (66.9, 2.5))),
    Anchor("irm-given", EIIL_AUTHORS, _over_noise(82.8, 86.3, 83.1, 78.2, 71.2, 65.3, 63.0, 58.1)),
    Anchor("eiil", EIIL_AUTHORS, _EIIL),
)
