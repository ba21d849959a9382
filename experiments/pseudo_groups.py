"""The pseudo-groups of a run, also of one by an earlier version."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.artifacts import CLUSTERS, PSEUDO_GROUPS
from core.explore.pictures import artifacts_with
from core.finding.pseudo_groups import PseudoGroups, conflict_samples
from core.runs.folder import RunFolder
from core.tensors import load_tensors

if TYPE_CHECKING:
    from core.clustering.kmeans import Integers


def found_in(folder: RunFolder) -> Path:
    """Artifacts with the pseudo-groups: those of `find`, or of `cluster` in a run by an earlier version."""
    return artifacts_with(folder, CLUSTERS)


def read_groups(folder: RunFolder, labels: "Integers") -> PseudoGroups | None:
    """Read the pseudo-groups; None if the run has none yet.

    Args:
        folder: of the run.
        labels: class of every training sample, [n].
    """
    artifacts = found_in(folder)
    if (artifacts / PSEUDO_GROUPS).exists():
        return PseudoGroups.load(artifacts)
    if not (artifacts / CLUSTERS).exists():
        return None
    saved = load_tensors(artifacts / CLUSTERS)
    k, n_classes = saved["table"].shape
    clusters = saved["assignments"].numpy()
    names = tuple(f"cluster {number}" for number in range(k))
    return PseudoGroups("clusters", names, clusters, conflict_samples(clusters, labels, k, n_classes))
