"""Devices by name, and leases on them."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from core.engine import devices
from core.engine.devices import check_name, lease, lease_all, pick, pick_all, prepared, resolve, resolve_all
from core.errors import InputError, Stopped

GPU = torch.device("cuda", 0)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CUDA devices, as far as names and locks go."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(devices, "lease_of", lambda device, locks: locks / f"gpu-{device.index}.lock")
    monkeypatch.setattr(devices, "LEASE_POLL", 0.01)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "mps", "", "cuda:-1", "cpu:0"])
def test_a_device_of_no_known_kind_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"^--device {name}: expected auto, cpu, cuda or cuda:N$"):
        resolve(name)


def test_a_machine_without_gpus_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    for name in ("cuda", "cuda:0", "cuda:7"):
        with pytest.raises(InputError, match=f"--device {name}: .* no CUDA device; use --device cpu or auto"):
            resolve(name)
    assert resolve("auto") == resolve("cpu") == torch.device("cpu")


def test_a_gpu_that_is_not_there_is_refused(gpus: None) -> None:
    with pytest.raises(InputError, match=r"--device cuda:7: this machine has only 2 CUDA devices"):
        resolve("cuda:7")
    assert resolve("cuda:1") == torch.device("cuda", 1)
    assert resolve("cuda") == resolve("auto") == GPU


def test_auto_takes_the_first_gpu_that_is_free(gpus: None, tmp_path: Path) -> None:
    assert pick("auto", tmp_path) == GPU
    with lease(GPU, tmp_path, lambda: True):
        assert pick("auto", tmp_path) == torch.device("cuda", 1)
        assert pick("cuda:0", tmp_path) == GPU  # asked for by name, so it waits
        with lease(torch.device("cuda", 1), tmp_path, lambda: True):
            assert pick("auto", tmp_path) == GPU
    assert pick("auto", tmp_path) == GPU


def test_a_lease_waits_until_the_device_is_free(gpus: None, tmp_path: Path) -> None:
    order, waiting = [], threading.Event()

    def second() -> None:
        def still_waiting() -> bool:
            waiting.set()
            return False

        with lease(GPU, tmp_path, still_waiting):
            order.append("second")

    thread = threading.Thread(target=second)
    with lease(GPU, tmp_path, lambda: True):
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


@pytest.mark.parametrize("name", ["cuda:0,cuda:1,", "cuda,cuda", "cpu,cuda:0", "auto,auto", ",", "cuda:0,gpu"])
def test_a_list_of_devices_of_no_known_form_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"^--device {name}: expected .* or several GPUs, such as cuda:0,cuda:1$"):
        check_name(name)


def test_several_devices_are_named_one_by_one(gpus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "A")
    both = (GPU, torch.device("cuda", 1))
    assert resolve_all("cuda:0,cuda:1") == pick_all("cuda:0,cuda:1", tmp_path) == both
    assert pick_all("auto", tmp_path) == (GPU,)
    assert resolve_all("cpu,cpu") == (torch.device("cpu"),) * 2
    with pytest.raises(InputError, match="--device cuda:1,cuda:1: names a device twice"):
        resolve_all("cuda:1,cuda:1")
    with pytest.raises(InputError, match="--device cuda:7: this machine has only 2 CUDA devices"):
        resolve_all("cuda:0,cuda:7")
    with pytest.raises(InputError, match="--device cuda:0,cuda:1: only a run can use several devices; name one"):
        resolve("cuda:0,cuda:1")
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "AB"[device.index])
    with pytest.raises(InputError, match=r"--device cuda:0,cuda:1: these are of different kinds \(A, B\)"):
        resolve_all("cuda:0,cuda:1")


def test_two_runs_that_name_the_same_devices_never_wait_for_each_other(gpus: None, tmp_path: Path) -> None:
    both = (GPU, torch.device("cuda", 1))
    taken: list[str] = []

    def run(devices: tuple[torch.device, ...]) -> None:
        for _ in range(20):
            with lease_all(devices, tmp_path, lambda: False):
                taken.append("took")
                assert taken.count("took") - taken.count("gave") == 1
                taken.append("gave")

    threads = [threading.Thread(target=run, args=(devices,), daemon=True) for devices in (both, both[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert taken.count("gave") == 40


def test_one_device_of_several_that_is_taken_is_waited_for(gpus: None, tmp_path: Path) -> None:
    both = (GPU, torch.device("cuda", 1))
    with lease(both[1], tmp_path, lambda: True):
        with pytest.raises(Stopped), lease_all(both, tmp_path, lambda: True):
            pytest.fail("two hold one device")
        with lease(GPU, tmp_path, lambda: True):  # given back
            pass


def test_who_waits_for_a_device_can_give_up(gpus: None, tmp_path: Path) -> None:
    with lease(GPU, tmp_path, lambda: True), pytest.raises(Stopped), lease(GPU, tmp_path, lambda: True):
        pytest.fail("two hold one device")
    with lease(GPU, tmp_path, lambda: True):
        pass


def test_a_device_whose_lease_was_inherited_is_not_waited_for(
    gpus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease(GPU, tmp_path, lambda: True):
        monkeypatch.setenv(devices.INHERITED, "gpu-0.lock,gpu-3.lock")
        with lease(GPU, tmp_path, lambda: True):
            pass
        monkeypatch.setenv(devices.INHERITED, "gpu-3.lock")
        with pytest.raises(Stopped), lease(GPU, tmp_path, lambda: True):
            pytest.fail("two hold one device")


def test_the_cpu_is_free_for_all(tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    with lease(cpu, tmp_path, lambda: True), lease(cpu, tmp_path, lambda: True):
        assert list(tmp_path.iterdir()) == []


def test_a_lease_ends_with_an_error_inside(gpus: None, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lease(GPU, tmp_path, lambda: True):
        raise ZeroDivisionError
    with lease(GPU, tmp_path, lambda: True):
        pass


@pytest.fixture
def flags() -> Iterator[Callable[[], tuple[bool, bool]]]:
    """What torch is told: (deterministic algorithms, cuDNN's benchmark); put back afterwards."""

    def now() -> tuple[bool, bool]:
        return torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark

    before = now()
    yield now
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.benchmark = before[1]


def test_a_deterministic_run_on_a_gpu_sets_all_that_torch_asks_for(
    flags: Callable[[], tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with prepared(GPU, deterministic=True):
        assert flags() == (True, False)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    with prepared(GPU, deterministic=False):
        assert flags() == (False, True)


def test_a_run_on_the_cpu_needs_no_slower_algorithms(flags: Callable[[], tuple[bool, bool]]) -> None:
    with prepared(torch.device("cpu"), deterministic=True):
        assert flags() == (False, True)


def test_other_runs_of_the_process_leave_a_deterministic_one_its_algorithms(
    flags: Callable[[], tuple[bool, bool]],
) -> None:
    with prepared(GPU, deterministic=True):
        with prepared(torch.device("cuda", 1), deterministic=False):
            assert flags() == (True, False)
        assert flags() == (True, False)
    assert flags() == (False, True)


def test_determinism_ends_with_a_run_that_fails(flags: Callable[[], tuple[bool, bool]]) -> None:
    with pytest.raises(ZeroDivisionError), prepared(GPU, deterministic=True):
        raise ZeroDivisionError
    assert flags() == (False, True)


def test_the_workspace_is_asked_for_before_a_device_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []
    monkeypatch.setattr("torch.cuda.device_count", lambda: seen.append(os.environ.get("CUBLAS_WORKSPACE_CONFIG")) or 1)
    resolve("cuda:0")
    assert seen == [":4096:8"]


def test_a_workspace_that_a_person_chose_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    resolve("cpu")
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_what_computes_a_run_is_said_with_versions_and_the_name_of_the_device():
    found = devices.software(torch.device("cpu"))
    assert found["torch"] == torch.__version__
    assert "cores" in found["device"]
    assert all(found.values())
