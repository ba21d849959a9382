import pytest
import torch

from core.artifacts import MASKS
from core.errors import InputError
from core.pruning.subnetwork import FixedMasks
from core.results import overlap as module
from core.results.overlap import LayerOverlap, overlap
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, new_id

SHAPES = {"conv.weight": (4, 3, 3, 3), "block.0.weight": (8, 4), "head.weight": (2, 8)}


@pytest.fixture
def pruned(tmp_path):
    """Make a run with the given masks as artifact of a stage."""
    home = Home.open(tmp_path / "home")

    def make(name: str, masks: FixedMasks | None, stage: str = "prune") -> RunFolder:
        folder = RunFolder.create(home, RunRecord(id=new_id(), name=name, recipe="prusc", data="d", status="finished"))
        if masks is not None:
            folder.artifacts(stage).mkdir(parents=True)
            masks.save(folder.artifacts(stage) / MASKS)
        return folder

    return make


def masks(seed: int, share: float = 0.6, shapes=SHAPES) -> FixedMasks:
    generator = torch.Generator().manual_seed(seed)
    return FixedMasks({name: torch.rand(shape, generator=generator) < share for name, shape in shapes.items()})


def iou(a: FixedMasks, b: FixedMasks) -> float:
    """Intersection over union of the weights that two networks keep."""
    one, other = (torch.cat([mask.flatten() for mask in fixed.masks.values()]) for fixed in (a, b))
    return ((one & other).sum() / (one | other).sum()).item()


def test_the_overlap_is_that_of_the_masks_themselves(pruned):
    a, b = masks(0), masks(1, 0.3)
    found = overlap(pruned("a", a), pruned("b", b))
    assert found.iou == pytest.approx(iou(a, b))
    assert found.keep_ratios == pytest.approx((a.keep_ratio(), b.keep_ratio()))
    for name in SHAPES:
        layer = name.removesuffix(".weight")
        one, other = (FixedMasks({name: m.masks[name]}) for m in (a, b))
        assert found.layers[layer].iou == pytest.approx(iou(one, other))
        assert found.layers[layer].keep_ratios == pytest.approx((one.keep_ratio(), other.keep_ratio()))


def test_equal_masks_and_masks_with_nothing_in_common(pruned):
    a = masks(0)
    inverse = FixedMasks({name: ~mask for name, mask in a.masks.items()})
    assert overlap(pruned("a", a), pruned("b", a)).iou == 1
    assert overlap(pruned("c", a), pruned("d", inverse)).iou == 0
    nothing = masks(0, 0.0)
    assert overlap(pruned("e", nothing), pruned("f", nothing)).iou == 1


def test_masks_drawn_by_lot_overlap_as_chance_has_it(pruned):
    large = {"a.weight": (400, 400), "b.weight": (300, 300)}
    found = overlap(pruned("a", masks(0, 0.5, large)), pruned("b", masks(1, 0.2, large)))
    assert found.by_chance == pytest.approx(0.1 / 0.6, abs=0.005)
    assert found.iou == pytest.approx(found.by_chance, abs=0.005)


def test_layers_that_one_run_leaves_out_are_not_counted(pruned):
    a, b = masks(0), masks(1)
    head_left_out = FixedMasks({name: mask for name, mask in b.masks.items() if name != "head.weight"})
    found = overlap(pruned("a", a), pruned("b", head_left_out))
    assert set(found.layers) == {"conv", "block.0"}
    assert sum(part.weights for part in found.layers.values()) == found.total.weights == 4 * 27 + 32


def test_masks_of_another_stage_can_be_asked_for(pruned):
    a = pruned("a", masks(0), "irm")
    assert overlap(a, a, "irm").iou == 1


def test_what_cannot_be_compared_is_one_sentence(pruned):
    a = pruned("a", masks(0))
    with pytest.raises(InputError, match="run 'bare' has no masks of stage 'prune' yet; it is finished"):
        overlap(a, pruned("bare", None))
    other = pruned("other", masks(0, shapes={**SHAPES, "conv.weight": (4, 1, 3, 3)}))
    with pytest.raises(InputError, match=r"different networks: 'conv.weight' is 4×3×3×3 in one and 4×1×3×3"):
        overlap(a, other)
    with pytest.raises(InputError, match="no masked layer in common"):
        overlap(a, pruned("foreign", masks(0, shapes={"features.weight": (2, 2)})))


def test_the_file_is_the_one_that_pruning_writes():
    assert module.MASKS == MASKS
    assert LayerOverlap(10, (0, 0), 0).iou == 1
