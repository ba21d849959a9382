"""A group of random images that two networks have seen."""

import numpy as np

from core.explore.look import Look, Seen


def look_of(n=5, networks=2):
    rng = np.random.default_rng(0)
    stages = ("erm", "finetune")[:networks]
    seen = tuple(Seen(100 + i, 1, "5–9 · red", (0, 1)[:networks], (0.99 - i / 100, 0.7)[:networks]) for i in range(n))
    return Look(
        split="test",
        kind="group",
        title="5–9 · red",
        stages=stages,
        by="erm",
        attributes_used="none",
        selection="last",
        total=50,
        correct=(10, 45)[:networks],
        labels=("0–4", "5–9"),
        seen=seen,
        images=rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8),
        maps=rng.integers(0, 256, (networks, n, 8, 8), dtype=np.uint8),
    )
