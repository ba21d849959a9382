"""Random parts of images, against torchvision's and against what chance says."""

import math

import pytest
import torch
from torchvision.transforms import RandomResizedCrop, v2

from core.training import augment as module
from core.training.augment import augment, draw_boxes, middle, resized_parts


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=6, height=64, width=50, seed=1):
    return torch.randint(0, 256, (n, 3, height, width), dtype=torch.uint8, generator=generator(seed))


@pytest.mark.parametrize("side", [16, 41, 64, 90])  # shrunk, about the same, enlarged
def test_a_part_is_resized_as_torchvision_resizes_it(side):
    x = images()
    boxes = draw_boxes(6, 64, 50, generator(2))
    assert len({tuple(box) for box in boxes.tolist()}) == 6
    for given in (x, x.float() / 255):
        ours = resized_parts(given, boxes, side)
        assert ours.dtype == torch.float32
        theirs = [
            v2.functional.resized_crop(image.float(), *map(int, box), [side, side], antialias=True)
            for image, box in zip(given, boxes, strict=True)
        ]
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=1e-4, atol=1e-5 * given.max().item())


def test_nothing_outside_of_a_part_is_seen():
    x = images(2, 32, 32)
    boxes = torch.tensor([[4.0, 8, 20, 22], [0, 0, 30, 12]])
    torn = torch.full_like(x, 255)
    for image, other, box in zip(x, torn, boxes.int().tolist(), strict=True):
        top, left, tall, wide = box
        other[:, top : top + tall, left : left + wide] = image[:, top : top + tall, left : left + wide]
    for side in (8, 32, 50):
        assert torch.equal(resized_parts(x, boxes, side), resized_parts(torn, boxes, side))


def test_the_whole_image_at_its_own_size_is_the_image():
    x = images(3, 40, 40)
    whole = torch.tensor([[0.0, 0, 40, 40]]).expand(3, 4)
    assert torch.equal(resized_parts(x, whole, 40), x.float())


def test_flipped_images_are_mirrored_left_and_right_and_others_left_alone():
    x, boxes = images(4), draw_boxes(4, 64, 50, generator(3))
    flipped = torch.tensor([True, False, True, False])
    ours, plain = resized_parts(x, boxes, 30, flipped), resized_parts(x, boxes, 30)
    torch.testing.assert_close(ours[flipped], plain[flipped].flip(3))
    assert torch.equal(ours[~flipped], plain[~flipped])


def test_parts_have_the_areas_ratios_and_places_that_are_asked_for():
    n, side = 40_000, 224
    boxes = draw_boxes(n, side, side, generator())
    top, left, tall, wide = boxes.unbind(1)
    assert torch.equal(boxes, boxes.round())
    assert (boxes >= 0).all()
    assert ((top + tall <= side) & (left + wide <= side)).all()
    area, ratio = tall * wide / side**2, wide / tall
    assert 0.69 < area.min() < 0.71
    assert area.max() == 1.0
    assert ratio.min() > 0.74
    assert ratio.max() < 1.36
    theirs = torch.tensor(_theirs(side, 4000))
    for column, (ours, other) in enumerate(zip(boxes.T, theirs.T, strict=True)):
        # Kolmogorov and Smirnov: exceeded once in ten thousand seeds.
        assert _distance(ours, other) < 2.23 * math.sqrt(1 / n + 1 / len(theirs)), column


def _theirs(side, n):
    torch.manual_seed(0)
    blank = torch.zeros(3, side, side)
    return [RandomResizedCrop.get_params(blank, [0.7, 1.0], [3 / 4, 4 / 3]) for _ in range(n)]


def _distance(ours, theirs):
    values = torch.cat([ours, theirs]).unique()
    shares = [torch.searchsorted(x.sort().values, values, right=True) / len(x) for x in (ours, theirs)]
    return (shares[0] - shares[1]).abs().max().item()


@pytest.mark.parametrize(("height", "width", "largest"), [(60, 30, (40, 30)), (30, 60, (30, 40)), (30, 36, (30, 36))])
def test_where_no_part_fits_the_largest_in_the_middle_is_taken(monkeypatch, height, width, largest):
    monkeypatch.setattr(module, "AREA", (1.5, 2.0))  # larger than the image
    tall, wide = largest
    expected = [(height - tall) // 2, (width - wide) // 2, tall, wide]
    assert draw_boxes(3, height, width, generator()).tolist() == [expected] * 3


def test_half_of_the_images_are_flipped_and_each_draw_is_new_and_comes_again_from_the_state():
    x = torch.zeros(3000, 1, 8, 8)
    x[..., :4] = 1  # light on the left
    stream = generator(7)
    state = stream.get_state()
    first, second = augment(x, 8, stream), augment(x, 8, stream)
    on_the_left = (first[..., 0] > first[..., -1]).flatten(1).all(1).float().mean().item()
    assert abs(on_the_left - 0.5) < 0.04  # four deviations
    assert not torch.equal(first, second)
    stream.set_state(state)
    assert torch.equal(augment(x, 8, stream), first)
    assert torch.equal(augment(x, 8, stream), second)


@pytest.mark.parametrize(("height", "width", "side"), [(256, 256, 224), (9, 12, 6), (7, 7, 7), (10, 10, 5)])
def test_the_middle_is_torchvisions(height, width, side):
    x = images(2, height, width)
    assert torch.equal(middle(x, side), v2.functional.center_crop(x, [side, side]))


@pytest.mark.gpu
def test_parts_on_a_gpu_are_those_of_the_cpu_and_nothing_waits_for_it():
    x, boxes = images(), draw_boxes(6, 64, 50, generator(2))
    flipped = torch.tensor([True, False] * 3)
    theirs = resized_parts(x, boxes, 40, flipped)
    x = x.cuda()
    ours = resized_parts(x, boxes.cuda(), 40, flipped.cuda())
    torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-4, atol=1e-2)
    streams = generator(1), torch.Generator("cuda").manual_seed(1)
    for stream in streams:
        augment(x, 40, stream)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for stream in streams:
            augment(x, 40, stream)
    finally:
        torch.cuda.set_sync_debug_mode("default")
