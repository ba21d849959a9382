"""One thread for torch, in this process and in those that it starts: a conftest imports the fixture to have it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The same sums in every process, and no quarrel over two cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    patch.setenv("OMP_NUM_THREADS", "1")
    yield
    patch.undo()
    torch.set_num_threads(before)
