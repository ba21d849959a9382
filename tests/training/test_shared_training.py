"""Two processes that share a training come to what one comes to at the same batches."""

import pytest
import torch

from core.config import Compute
from core.errors import StageError
from core.parallel import Team
from core.training.gradient import Gradient
from core.training.shared import shared
from tests.training.stage_lab import CPU, context_of, run_folder
from tests.training.team_lab import WORK, Net, alone, by_two

GPU = torch.device("cuda", 0)
NAMES = [work.__name__ for work in WORK]


def compared(tmp_path_factory, device):
    return alone(tmp_path_factory.mktemp("alone"), device), by_two(tmp_path_factory.mktemp("two"), device)


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory):
    return compared(tmp_path_factory, CPU)


@pytest.fixture(scope="module")
def on_gpu(tmp_path_factory):
    """Both processes on one GPU."""
    return compared(tmp_path_factory, GPU)


def assert_same(found, work):
    whole, both = found
    assert whole[work]
    near = {"rtol": 1e-10, "atol": 1e-12} if work == "gradients" else {"rtol": 1e-5, "atol": 1e-5}
    for shares in both:
        assert shares[work].keys() == whole[work].keys()
        for name, expected in whole[work].items():
            torch.testing.assert_close(
                shares[work][name].double(), expected.detach().cpu().double(), **near, msg=f"{work}: {name} differs"
            )


@pytest.mark.parametrize("work", NAMES)
def test_two_processes_come_to_what_one_comes_to(on_cpu, work):
    assert_same(on_cpu, work)


@pytest.mark.gpu
@pytest.mark.parametrize("work", NAMES)
def test_two_processes_on_a_gpu_come_to_what_one_comes_to(on_gpu, work):
    assert_same(on_gpu, work)


def test_both_processes_have_the_same_weights_to_the_last_bit(on_cpu):
    _, (one, other) = on_cpu
    for work in ("erm", "finetune", "masks", "biased"):
        for name, tensor in one[work].items():
            assert torch.equal(tensor, other[work][name]), f"{work}: {name}"


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_shares_are_disjoint_nearly_equal_and_everything(size):
    team = [Team(rank, [CPU] * size) for rank in range(size)]
    n = 13
    batch = torch.arange(n)
    for start in range(n):
        for stop in range(start + size, n + 1):
            whole = slice(start, stop)
            shares = [batch[one.share(whole)].tolist() for one in team]
            assert sorted(position for share in shares for position in share) == list(range(start, stop))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1
            for one, share in zip(team, shares, strict=True):
                rows = one.rows(whole)
                assert batch[one.share(slice(0, n))][rows].tolist() == share
                assert batch[one.positions(rows)].tolist() == share


def test_what_is_too_little_to_share_is_everybodys():
    assert [Team(rank, [CPU] * 3).share(slice(4, 6)) for rank in range(3)] == [slice(4, 6)] * 3


def test_a_batch_with_fewer_images_than_devices_is_refused(tmp_path, monkeypatch):
    gradient = Gradient(context_of(run_folder(tmp_path), stage="none"), Compute(), Net(), "erm.batch_size")
    monkeypatch.setattr("core.parallel._active", Team(0, [CPU] * 3))
    with pytest.raises(StageError, match=r"2 images at a time cannot be shared by 3 devices; raise erm.batch_size or"):
        gradient.backward(slice(0, 2), lambda rows: (), lambda outputs, positions: {}, additive=True)


def test_one_process_uses_the_network_itself():
    network = Net()
    assert shared(network) is network
    assert "forward" not in vars(network.norm)
