import os
import sys
import threading
import types
from collections import namedtuple

import psutil
import pytest

from core import machine
from core.machine import Gpu, Monitor

Times = namedtuple("Times", "user system idle iowait guest guest_nice")


class FakeNvml(types.ModuleType):
    """Two GPUs: one that tells everything, one that tells its memory only."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self):
        super().__init__("pynvml")
        self.calls = []
        self.broken = False
        self.answer = threading.Event()
        self.answer.set()

    def nvmlInit(self):
        self.calls.append("init")
        if self.broken:
            raise self.NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self):
        self.calls.append("count")
        self.answer.wait(60)
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetName(self, device):
        return ["Fake 9000", b"Fake slice"][device]

    def nvmlDeviceGetMemoryInfo(self, device):
        return types.SimpleNamespace(used=3 << 30, total=80 << 30)

    def _first_only(self, device, value):
        if device:
            raise self.NVMLError("not supported")
        return value

    def nvmlDeviceGetUtilizationRates(self, device):
        return self._first_only(device, types.SimpleNamespace(gpu=97, memory=40))

    def nvmlDeviceGetTemperature(self, device, sensor):
        return self._first_only(device, 61)

    def nvmlDeviceGetPowerUsage(self, device):
        return self._first_only(device, 345_600)


@pytest.fixture
def nvml(monkeypatch):
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(machine, "PATIENCE", 30.0)
    return fake


@pytest.fixture
def no_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it is an ImportError
    monkeypatch.setattr(machine, "PATIENCE", 30.0)


def test_processors_are_counted_between_two_readings(monkeypatch, no_driver):
    readings = iter([Times(100, 50, 800, 50, 10, 0), Times(130, 60, 850, 60, 15, 0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(readings))
    monkeypatch.setattr(os, "getloadavg", lambda: (1e9, 0, 0))
    monitor = Monitor()
    assert monitor.read().cpu == 100  # nothing to compare with: the load, which has no upper bound
    # A hundred seconds of processor time have passed: 30 + 10 of work, the guest's 5 among them, and 60 without.
    assert monitor.read().cpu == pytest.approx(40)


def test_memory_is_what_programs_cannot_have(monkeypatch, no_driver):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(total=1000, available=300, used=500))
    reading = Monitor().read()
    assert (reading.memory_used, reading.memory_total) == (700, 1000)
    assert reading.cores == os.cpu_count()


def test_the_share_of_a_process_and_of_one_that_is_gone(no_driver):
    reading = Monitor().read(os.getpid())
    assert reading.own is not None
    assert reading.own.memory > 1 << 20
    assert reading.gpus == ()
    unheard = max(psutil.pids()) + 1_000_000
    assert Monitor().read(unheard).own is None


def test_gpus_tell_what_they_can(nvml):
    monitor = Monitor()
    first, second = monitor.read(7).gpus
    assert first == Gpu(0, "Fake 9000", 97.0, 3 << 30, 80 << 30, 61.0, 345.6)
    assert second == Gpu(1, "Fake slice", None, 3 << 30, 80 << 30, None, None)
    assert nvml.calls.count("init") == 1


def test_a_driver_that_is_not_there_is_asked_once(nvml):
    nvml.broken = True
    monitor = Monitor()
    assert [monitor.read().gpus for _ in range(3)] == [()] * 3
    assert nvml.calls == ["init"]


def test_a_library_that_is_not_there_means_no_gpus(no_driver):
    assert Monitor().read().gpus == ()


def test_a_driver_that_hangs_holds_nobody_up_and_counts_when_it_answers(nvml, monkeypatch):
    monkeypatch.setattr(machine, "PATIENCE", 0.01)
    nvml.answer.clear()
    monitor = Monitor()
    assert [monitor.read().gpus for _ in range(3)] == [()] * 3
    assert nvml.calls.count("count") == 1  # no second question before the first is answered
    nvml.answer.set()
    monkeypatch.setattr(machine, "PATIENCE", 30.0)
    assert len(monitor.read().gpus) == 2
