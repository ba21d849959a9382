"""Running out of memory: what is said, and how it goes on."""

import gc
import weakref

import pytest
import torch
from torch import nn

from core.config import Compute
from core.errors import StageError
from core.events import Warned
from core.training.memory import Parts, out_of_memory
from tests.training.stage_lab import context_of, run_folder


class Device:
    """Has room for so many images at a time, and counts what it was asked to hold."""

    def __init__(self, room):
        self.room = room
        self.asked = []

    def hold(self, n):
        self.asked.append(n)
        if n > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.fixture
def events():
    return []


@pytest.fixture
def make(tmp_path, events):
    def parts(network=None, **compute):
        context = context_of(run_folder(tmp_path), stage="none", events=events)
        return context, Parts(context, Compute(**compute), "erm.batch_size", network)

    return parts


def work_on(device, parts, n):
    def work():
        for part in parts.of(slice(0, n)):
            device.hold(part.stop - part.start)
        return "done"

    return work


@pytest.mark.parametrize(
    ("n", "accumulate", "says"),
    [
        (64, 1, "with 64 images at a time; about 32 would fit: set erm.batch_size=32, or compute.accumulate=2 for the"),
        (64, 4, "with 16 images at a time; about 8 would fit: set erm.batch_size=8, or compute.accumulate=8 for the"),
        (9, 2, "with 5 images at a time; about 2 would fit"),
    ],
)
def test_without_leave_to_go_on_the_stage_fails_and_says_what_would_fit(make, events, n, accumulate, says):
    _, parts = make(nn.Linear(1, 1), accumulate=accumulate)
    device = Device(1)
    with pytest.raises(StageError, match=r"^out of memory on cpu ") as caught:
        parts.attempt(n, work_on(device, parts, n))
    assert says in str(caught.value)
    assert "--auto-batch" in str(caught.value)
    assert len(device.asked) == 1
    assert not events


def test_with_leave_the_parts_are_doubled_until_they_fit_and_stay_so(make, events):
    _, parts = make(nn.Linear(1, 1), auto_batch=True)
    device = Device(20)
    assert parts.attempt(64, work_on(device, parts, 64)) == "done"
    assert device.asked == [64, 32, 16, 16, 16, 16]
    assert parts.count == 4
    assert [(type(e), e.code) for e in events] == [(Warned, "auto-batch")] * 2
    assert "64 images at a time; continuing with 32 at a time" in events[0].text
    assert "16 at a time, the same batches; set compute.accumulate=4" in events[1].text
    parts.attempt(64, work_on(device, parts, 64))
    assert device.asked[6:] == [16] * 4
    assert len(events) == 2


def test_where_not_even_one_image_fits_it_ends(make):
    _, parts = make(nn.Linear(1, 1), auto_batch=True)
    device = Device(0)
    with pytest.raises(StageError, match="with 1 image at a time; try a smaller network"):
        parts.attempt(5, work_on(device, parts, 5))
    assert device.asked == [5, 2, 1, 1]


def test_a_new_try_draws_the_same_numbers_and_finds_the_same_buffers(make):
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(2).train()
    context, parts = make(norm, auto_batch=True)
    stream, device, drawn = context.generator("mask"), Device(3), []

    def work():
        tried = [torch.rand(3, generator=stream).tolist(), torch.rand(2).tolist()]
        norm(torch.arange(8.0).view(4, 2))
        drawn.append((tried, [buffer.clone() for buffer in norm.buffers()]))
        for part in parts.of(slice(0, 4)):
            device.hold(part.stop - part.start)

    parts.attempt(4, work)
    assert len(drawn) == 2
    assert drawn[0][0] == drawn[1][0]
    assert all(torch.equal(x, y) for x, y in zip(drawn[0][1], drawn[1][1], strict=True))


def test_what_the_failed_try_held_is_gone_before_the_next_one(make):
    _, parts = make(nn.Linear(1, 1), auto_batch=True)
    held = []

    class Activations:
        pass

    def work():
        assert all(ref() is None for ref in held)
        mine = Activations()
        mine.loop = mine  # only the collector frees it
        held.append(weakref.ref(mine))
        if len(held) < 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return mine

    gc.disable()
    try:
        parts.attempt(64, work)
    finally:
        gc.enable()
    assert len(held) == 3


def test_other_errors_are_left_alone(make):
    _, parts = make(nn.Linear(1, 1), auto_batch=True)
    for error in (RuntimeError("shapes do not fit"), ValueError("no"), StageError("what", "try")):

        def work(error=error):
            raise error

        with pytest.raises(type(error)) as caught:
            parts.attempt(4, work)
        assert caught.value is error


def test_libraries_below_torch_are_understood():
    for text in ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"):
        assert out_of_memory(RuntimeError(text))
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))


def test_where_nothing_is_trained_accumulation_does_not_count(make):
    _, parts = make(None, accumulate=8)
    assert parts.count == 1
    with pytest.raises(StageError) as caught:
        parts.attempt(64, work_on(Device(1), parts, 64))
    assert "set erm.batch_size=32, or use --auto-batch" in str(caught.value)


@pytest.mark.gpu
def test_a_gpu_that_runs_out_goes_on_with_less(tmp_path, events):
    gpu = torch.device("cuda", 0)
    context = context_of(run_folder(tmp_path), stage="none", events=events, device=gpu)
    parts = Parts(context, Compute(auto_batch=True), "erm.batch_size", nn.Linear(1, 1))
    free, _ = torch.cuda.mem_get_info(gpu)

    def work():
        for part in parts.of(slice(0, 8)):
            torch.empty((part.stop - part.start) * (free // 4), dtype=torch.uint8, device=gpu)

    parts.attempt(8, work)
    assert parts.count in (4, 8)
    assert events
