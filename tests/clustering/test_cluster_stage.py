"""The finder `clusters` as a stage: which numbers of clusters it tries."""

from dataclasses import replace

import numpy as np
import torch

from core.artifacts import features_file
from core.config import Cluster
from core.finding.pseudo_groups import PseudoGroups
from core.stages.cluster import FindClusters
from core.tensors import save_tensors
from tests.training.stage_lab import context_of, random_data, run_folder


def test_no_class_is_divided_into_more_clusters_than_it_has_images(tmp_path):
    data, folder = random_data(40), run_folder(tmp_path)
    labels = np.repeat([0, 1], [37, 3])
    data = replace(data, splits={**data.splits, "train": replace(data.splits["train"], labels=labels)})
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    save_tensors(
        features_file(folder.artifacts("represent"), 1.0),
        {"features": rows, "classes": torch.from_numpy(labels), "validation": rows[:16].clone()},
    )
    context = context_of(folder, data, stage="cluster")
    FindClusters(Cluster(per_class=True, candidates=(2, 3, 16), restarts=1)).run(context)
    found = PseudoGroups.load(context.directory)
    assert found.per_class
    assert len(found.names) in (4, 6)
