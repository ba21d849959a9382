"""Every rival and control that is stopped in its last stages goes on to the same bits."""

import pytest

from core.runs.folder import RunFolder
from tests.engine.lab import After, assert_same_results, forked_after, go_on, plan_of


@pytest.mark.parametrize(
    ("recipe", "overrides", "source", "boundaries"),
    [
        ("jtt", (), "find", 7),
        ("jtt", ("erm.optimizer=adamw", "select.rule=worst-cell"), "find", 3),
        ("group-balanced-pseudo", (), "find", 4),
        ("group-dro-pseudo", ("compute.accumulate=2",), "find", 5),
        ("cnc", ("cnc.sides=one",), "find", 5),
        ("cnc", ("compute.accumulate=2",), "find", 2),
        ("spare", ("spare.power=2", "cluster.per_class=false"), "find", 6),
        ("afr", ("afr.steps=9",), None, 4),
        ("afr", ("afr.steps=9", "afr.epoch=0.25", "find.by=random"), None, 18),
        ("dfr-validation", ("dfr.draws=3",), "erm", 0),
        ("dfr-train", ("dfr.draws=3",), "erm", 4),
        ("dfr-train", ("dfr.draws=3",), "erm", 8),
        ("permuted-mask", (), "prune", 2),
        ("permuted-mask-head", (), "prune", 0),
        ("finetune-head", (), "balance", 3),
        ("prusc-unpruned", (), "balance", 4),
        ("prusc-finetune-head", (), "prune", 3),
    ],
)
def test_a_stopped_run_ends_at_the_same_bits(
    copy_of_whole: RunFolder, recipe: str, overrides: tuple[str, ...], source: str | None, boundaries: int
) -> None:
    plan = plan_of(recipe, *overrides)
    left_alone = forked_after(copy_of_whole, source, plan)
    assert go_on(left_alone, fresh=True) == "finished"
    folder = forked_after(copy_of_whole, source, plan)
    assert go_on(folder, After(1 + boundaries), fresh=True) == "stopped"
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, left_alone)
    assert set(folder.record().stages[-1].evaluations) == {"validation", "test"}
