"""Splits that are not in the device's memory: mapped from a file, or decoded on demand."""

import gc
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.training.images import Images, seen_shape
from tests.training.stage_lab import Decoded

CPU = torch.device("cpu")
ROWS = torch.tensor([3, 3, 52, 0])


def with_train(dataset, pixels, **changes):
    split = replace(dataset.splits["train"], images=pixels)
    return replace(dataset, splits={**dataset.splits, "train": split}, **changes)


def mapped(pixels, folder):
    path = folder / "pixels"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=pixels.shape)[:] = pixels
    return np.load(path, mmap_mode="r")


@pytest.fixture(params=["mapped", "read-only", "decoded"])
def travelling(request, dataset, tmp_path):
    pixels = dataset.splits["train"].images
    if request.param == "mapped":
        return with_train(dataset, mapped(pixels, tmp_path))
    if request.param == "read-only":
        frozen = pixels.copy()
        frozen.flags.writeable = False
        return with_train(dataset, frozen)
    return with_train(dataset, Decoded(pixels))


def test_a_split_that_travels_gives_the_very_numbers_of_one_in_memory(dataset, travelling):
    here, there = Images(dataset, "train", CPU), Images(travelling, "train", CPU)
    assert (here.travels, there.travels) == (False, True)
    assert torch.equal(here.pixels(ROWS), there.pixels(ROWS))
    there.ahead(ROWS)
    assert torch.equal(here.pixels(ROWS), there.pixels(ROWS))
    for start in (0, 14, 53):
        ours, theirs = list(here.in_order(7, start)), list(there.in_order(7, start))
        assert [rows for rows, _ in ours] == [rows for rows, _ in theirs]
        assert all(torch.equal(x, y) for (_, x), (_, y) in zip(ours, theirs, strict=True))
        assert sum(len(x) for _, x in ours) == 53 - start


def test_a_batch_told_ahead_is_read_meanwhile_in_another_thread_and_once(dataset):
    source = Decoded(dataset.splits["train"].images)
    images = Images(with_train(dataset, source), "train", CPU)
    source.gate = threading.Event()
    images.ahead(ROWS)  # does not wait for the closed gate
    source.gate.set()
    images.pixels(ROWS)
    (thread, rows), *more = source.asked
    assert thread is not threading.current_thread()
    assert rows == ROWS.tolist()
    assert not more


def test_another_batch_than_the_one_told_ahead_is_right_too_and_that_one_is_kept(dataset):
    source = Decoded(dataset.splits["train"].images)
    images, plain = Images(with_train(dataset, source), "train", CPU), Images(dataset, "train", CPU)
    told = torch.tensor([1, 2])
    images.ahead(told)
    assert torch.equal(images.pixels(ROWS), plain.pixels(ROWS))
    assert torch.equal(images.pixels(told), plain.pixels(told))
    assert sorted(rows for _, rows in source.asked) == [[1, 2], ROWS.tolist()]


def test_what_goes_wrong_ahead_comes_out_where_the_pixels_are_asked_for(dataset):
    source = Decoded(dataset.splits["train"].images)
    source.broken = {52}
    images = Images(with_train(dataset, source), "train", CPU)
    images.ahead(ROWS)
    with pytest.raises(InputError, match="image 52 is broken"):
        images.pixels(ROWS)
    images.ahead(torch.tensor([5]))
    assert len(images.pixels(torch.tensor([5]))) == 1
    walk = images.in_order(50)
    next(walk)
    with pytest.raises(InputError, match="image 52 is broken"):
        next(walk)


def test_no_thread_outlives_the_images_even_with_a_batch_under_way(dataset):
    before = set(threading.enumerate())
    source = Decoded(dataset.splits["train"].images)
    images = Images(with_train(dataset, source), "train", CPU)
    images.ahead(ROWS)
    walk = images.in_order(10)
    next(walk)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 1
    del walk, images
    gc.collect()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_crop_is_the_middle_and_no_random_stream_is_touched(dataset):
    cropped = replace(dataset, crop=3)
    assert seen_shape(cropped) == (3, 3, 3)
    assert seen_shape(dataset) == (3, 5, 4)
    images = Images(cropped, "train", CPU)
    assert images.shape == (3, 3, 3)
    whole = Images(dataset, "train", CPU).pixels(ROWS)
    assert torch.equal(images.pixels(ROWS), whole[..., 1:4, 0:3])
    walked = torch.cat([pixels for _, pixels in images.in_order(9)])
    assert torch.equal(walked[ROWS], images.pixels(ROWS))


def test_augmented_pixels_are_random_parts_from_the_stream_and_never_those_of_evaluation(dataset):
    pixels = np.random.default_rng(1).integers(0, 256, (53, 3, 16, 16), dtype=np.uint8)
    wide = with_train(dataset, pixels, crop=12)
    stream = torch.Generator().manual_seed(0)
    images, plain = Images(wide, "train", CPU, stream), Images(wide, "train", CPU)
    state = stream.get_state()
    first = images.pixels(ROWS)
    assert first.shape == (4, 3, 12, 12)
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(first[0], first[1])  # of one image
    assert not torch.equal(first, images.pixels(ROWS))
    after = stream.get_state()
    assert torch.equal(images.plain(ROWS), plain.pixels(ROWS))
    assert torch.equal(torch.cat([x for _, x in images.in_order(10)])[ROWS], plain.pixels(ROWS))
    assert torch.equal(stream.get_state(), after)
    stream.set_state(state)
    assert torch.equal(images.pixels(ROWS), first)


def test_a_part_of_an_image_of_one_colour_has_that_colour(dataset):
    pixels = np.broadcast_to(np.arange(53, dtype=np.uint8)[:, None, None, None], (53, 3, 16, 16)).copy()
    flat = with_train(dataset, pixels, crop=8, mean=(0.0, 0.0, 0.5), std=(1.0, 0.5, 1.0))
    seen = Images(flat, "train", CPU, torch.Generator().manual_seed(0)).pixels(ROWS)
    expected = torch.stack([ROWS / 255, ROWS / 255 * 2, ROWS / 255 - 0.5], 1)[:, :, None, None].expand(4, 3, 8, 8)
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-5)


@pytest.mark.gpu
def test_batches_that_travel_to_a_gpu_arrive_whole_and_nothing_waits(dataset, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (53, 3, 64, 64), dtype=np.uint8)
    gpu = torch.device("cuda", 0)
    split = with_train(dataset, Decoded(pixels), crop=48)
    expected = Images(with_train(dataset, pixels, crop=48), "train", CPU)
    images = Images(split, "train", gpu)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        rows = torch.randint(53, (32,), generator=generator)
        images.ahead(rows)
        torch.testing.assert_close(images.pixels(rows).cpu(), expected.pixels(rows))
    rows = torch.arange(20)
    images.ahead(rows)
    torch.cuda.set_sync_debug_mode("error")
    try:
        images.pixels(rows)
    finally:
        torch.cuda.set_sync_debug_mode("default")
