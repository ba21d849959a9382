"""Environments from pseudo-groups, without annotations.

Samples of a pseudo-group share a shortcut, which contradicts the label of its conflict samples. The published
environments are called `minority` and `balance`; how samples are assigned to them is not published, so the rules here
are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import InputError, StageError
from core.tensors import load_tensors, save_tensors

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Rule = Literal["minority-balance", "minority-majority", "conflict-rest", "shares"]


@dataclass(frozen=True, slots=True, eq=False)
class Environments:
    """Sets of training samples, by name; a sample may be in several, or in none.

    The samples of each environment are unique indices in increasing order, [size].
    """

    names: tuple[str, ...]
    samples: tuple[Integers, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.samples):
            raise ValueError(f"{len(self.names)} names for {len(self.samples)} environments")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(samples) for samples in self.samples)

    @property
    def used(self) -> Integers:
        """Samples in at least one environment, in increasing order: one forward pass over these serves all."""
        return np.unique(np.concatenate(self.samples)) if self.samples else np.empty(0, dtype=np.int64)

    def subset(self, names: Sequence[str]) -> "Environments":
        """The environments with these names, in this order; raises InputError if a name does not exist."""
        for name in names:
            if name not in self.names:
                raise InputError(f"there is no environment '{name}'; there are {', '.join(self.names)}")
        return Environments(tuple(names), tuple(self.samples[self.names.index(name)] for name in names))

    def weights(self) -> NDArray[np.float32]:
        """Membership of the samples of `used`: 1 or 0, [used, environments], for `train.Training.step`."""
        used = self.used
        return np.stack([np.isin(used, samples) for samples in self.samples], axis=1).astype(np.float32)


def save_environments(file: Path, environments: Environments) -> None:
    """Write environments to a file, in the format of `core.artifacts.ENVIRONMENTS`."""
    pairs = zip(environments.names, environments.samples, strict=True)
    save_tensors(file, {f"{i}/{name}": torch.from_numpy(of) for i, (name, of) in enumerate(pairs)})


def load_environments(file: Path) -> Environments:
    """Read a file of `save_environments`."""
    tensors = load_tensors(file)
    keys = sorted(tensors, key=lambda key: int(key.partition("/")[0]))
    return Environments(tuple(key.partition("/")[2] for key in keys), tuple(tensors[key].numpy() for key in keys))


def infer(
    rule: Rule,
    conflicts: Booleans,
    assignments: Integers,
    labels: Integers,
    *,
    seed: int,
    shares: tuple[float, float] = (0.2, 0.1),
) -> Environments:
    """Assign samples, given as in `conflict_samples`, to two environments.

    `minority-balance`: the conflict samples; the conflict samples and as many majority samples of the same clusters.
    `minority-majority`: the conflict samples; as many majority samples of the same clusters.
    `conflict-rest`: the conflict samples; all others.
    `shares`: two disjoint environments of equal size with different shares of conflict samples, the same for every
    label; as large as the samples allow.

    Args:
        rule: one of these.
        conflicts: whether each sample contradicts the shortcut, bool [n].
        assignments: pseudo-group of every sample, [n].
        labels: class of every sample, [n].
        seed: of the draws.
        shares: rule `shares`: share of conflict samples in each environment.

    Raises:
        InputError: the shares are invalid or equal.
    """
    random = np.random.default_rng(seed)
    found, others = np.flatnonzero(conflicts), np.flatnonzero(~conflicts)
    match rule:
        case "minority-balance":
            partners = _partners(conflicts, assignments, random)
            return Environments(("minority", "balance"), (found, np.sort(np.concatenate([found, partners]))))
        case "minority-majority":
            return Environments(("minority", "majority"), (found, _partners(conflicts, assignments, random)))
        case "conflict-rest":
            return Environments(("conflict", "rest"), (found, others))
        case "shares":
            return _by_shares(conflicts, labels, shares, random)
        case _:
            raise ValueError(f"unknown rule {rule!r}; known: {', '.join(get_args(Rule))}")


def by_number(numbers: Integers, names: Sequence[str]) -> Environments:
    """Environments from the index of the environment of every sample, [n]; negative for none."""
    return Environments(tuple(names), tuple(np.flatnonzero(numbers == i) for i in range(len(names))))


def at_random(like: Environments, labels: Integers, *, seed: int) -> Environments:
    """Replace every sample by a random one of the same label, as a control; sizes, overlap and labels are kept.

    `labels` are those of the training split, [n].
    """
    random = np.random.default_rng(seed)
    place = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        same = np.flatnonzero(labels == label)
        place[same] = random.permutation(same)
    return Environments(like.names, tuple(np.sort(place[samples]) for samples in like.samples))


def require_two(environments: Environments) -> None:
    """Check that at least two environments have samples.

    Raises InputError if there is only one environment, and StageError if all but one environment are empty.
    """
    if len(environments) < 2:
        raise InputError(
            "invariant training needs at least two environments, but there is only one; use more, or train by ERM"
        )
    if sum(size > 0 for size in environments.sizes) < 2:
        sizes = ", ".join(f"{name} {size:,}" for name, size in zip(environments.names, environments.sizes, strict=True))
        raise StageError(
            f"fewer than two environments have samples ({sizes})",
            "try an earlier reference or fewer clusters, so that clusters contain samples of both labels",
        )


def _partners(conflicts: Booleans, assignments: Integers, random: np.random.Generator) -> Integers:
    """Draw as many majority samples of every cluster as it has conflict samples, or all if there are fewer; sorted."""
    parts = [np.empty(0, dtype=np.int64)]
    for cluster in np.unique(assignments):
        there = assignments == cluster
        majority = np.flatnonzero(there & ~conflicts)
        parts.append(random.permutation(majority)[: int((there & conflicts).sum())])
    return np.sort(np.concatenate(parts))


def _by_shares(
    conflicts: Booleans, labels: Integers, shares: tuple[float, float], random: np.random.Generator
) -> Environments:
    if not all(0 <= share <= 1 for share in shares) or shares[0] == shares[1]:
        raise InputError(f"the environments need two different shares of conflict samples in 0 … 1, not {shares}")
    parts: tuple[list[Integers], list[Integers]] = ([], [])
    for label in np.unique(labels):
        same = labels == label
        pools = [random.permutation(np.flatnonzero(same & chosen)) for chosen in (conflicts, ~conflicts)]
        wanted = (sum(shares), 2 - sum(shares))  # of a pool, in sizes of one environment
        # Rounding must not exceed the size of a pool; the margin keeps 30 / 0.3 at 100.
        size = min((len(pool) / want for pool, want in zip(pools, wanted, strict=True) if want > 0), default=0) + 1e-9
        for pool, pick in zip(pools, (shares, (1 - shares[0], 1 - shares[1])), strict=True):
            ends = np.floor(size * np.cumsum(pick) + 1e-9).astype(np.int64)
            parts[0].append(pool[: ends[0]])
            parts[1].append(pool[ends[0] : ends[1]])
    names = tuple(f"conflict {share:.0%}" for share in shares)
    return Environments(names, tuple(np.sort(np.concatenate(part)) for part in parts))
