"""Every rival and control that is stopped in its last stages goes on to the same bits."""

import pytest

from core.runs.folder import RunFolder
from tests.engine.lab import After, assert_same_results, forked_after, go_on, plan_of


@pytest.mark.parametrize(
    ("recipe", "overrides", "source", "boundaries"),
    [
        ("jtt", (), "find", 7),
        ("jtt", ("erm.optimizer=adamw", "select.rule=worst-cell"), "find", 3),
    ],
)
def test_a_stopped_run_ends_at_the_same_bits(
    copy_of_whole: RunFolder, recipe: str, overrides: tuple[str, ...], source: str, boundaries: int
) -> None:
    plan = plan_of(recipe, *overrides)
    left_alone = forked_after(copy_of_whole, source, plan)
    assert go_on(left_alone, fresh=True) == "finished"
    folder = forked_after(copy_of_whole, source, plan)
    assert go_on(folder, After(1 + boundaries), fresh=True) == "stopped"
    assert any(stage.status == "running" for stage in folder.record().stages)
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, left_alone)
    assert set(folder.record().stages[-1].evaluations) == {"validation", "test"}
