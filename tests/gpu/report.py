"""What `make gpu` does: all that needs a GPU, and one JSON file with the outcome to send back.

    python -m tests.gpu.report [--device cuda:0] [--out gpu-report.json] [--short]

`--short` takes seconds, and also works on a CPU, where tests that need a GPU do not run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from core import gpu
from core.machine import gpus

HOUSE = Path(__file__).parents[2]
PATIENCE = 420
"""Seconds after which tests or benchmarks are ended."""
QUICK = ("data.train_size=300", "data.validation_size=80", "data.test_size=80", "erm.epochs=0.5", "prune.steps=4")
QUICK += ("finetune.steps=4", "find.by=random", "balance.warn_below=0", "select.looks=1", "head.draws=1")
"""Settings with which the demo takes seconds."""


def main(words: Sequence[str] | None = None) -> int:
    """Check everything, print a summary and write the file; 0 if all is well."""
    options = _options(words)
    began = time.monotonic()
    report = {"format": 1, "made": datetime.now(UTC).isoformat(timespec="seconds"), **machine(options.device)}
    tests = [] if options.device == "cpu" else [("tests", "gpu and not bench"), ("tests/bench", "gpu and bench")]
    if options.short:
        tests = [("tests/core/test_machine.py", "not gpu"), ("tests/bench/test_invariance_speed.py", "not bench")]
    report["tests"], report["figures"] = [], []
    for where, marks in tests:
        verdicts, figures = checked([where], marks)
        report["tests"] += verdicts
        report["figures"] += figures
    report["demo"] = demo(options.device, QUICK if options.short else ())
    report["seconds"] = round(time.monotonic() - began, 1)
    report["ok"] = is_well(report)
    options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\n".join(summary(report)))
    print(f"Please send {options.out} back.")
    return 0 if report["ok"] else 1


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make gpu", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda:0", help="GPU to check, or cpu with --short")
    parser.add_argument("--out", type=Path, default=Path("gpu-report.json"), help="file to write")
    parser.add_argument("--short", action="store_true", help="only see that everything here works, in seconds")
    options = parser.parse_args(words)
    if options.device == "cpu" and not options.short:
        parser.error("--device cpu: only with --short; the tests need a GPU")
    if options.device != "cpu" and not gpu.count():
        parser.error("this machine has no GPU that torch can use (see: prusc doctor)")
    return options


def machine(device: str) -> dict[str, Any]:
    """The machine and the versions of what computes on it."""
    import torch

    from core.engine.devices import resolve, software
    from prusc_tui import __version__

    found = software(resolve(device))
    known = {name: found.pop(name) for name in ("python", "torch", "torchvision", "numpy")}
    read = [{"name": one.name, "memory": one.memory_total} for one in gpus()]
    on_gpu = device != "cpu"
    return {
        "machine": {**found, "gpus": read, "driver": _driver() if on_gpu else None},
        "versions": {
            "prusc-tui": __version__,
            "commit": _commit(),
            **known,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        },
    }


def _driver() -> str | None:
    try:
        version = gpu.nvml().nvmlSystemGetDriverVersion()
    except Exception:  # whatever NVML raises without a working driver
        return None
    return version.decode() if isinstance(version, bytes) else str(version)


def _commit() -> str | None:
    """Commit of the sources, with `+` if they were changed."""
    try:
        words = ["git", "-C", str(HOUSE), "describe", "--always", "--dirty=+", "--abbrev=12"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def checked(
    paths: Iterable[str], marks: str, patience: float = PATIENCE
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run tests in a process of their own; return the verdict on each, and the figures of benchmarks among them.

    Args:
        paths: of the tests.
        marks: expression of pytest's `-m`.
        patience: seconds after which they are ended, which is a verdict too.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, figures = Path(folder) / "verdicts.xml", Path(folder) / "figures.json"
        words = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "no:cacheprovider", "-m", marks]
        words += [f"--junitxml={file}", "-o", "junit_family=xunit2", *paths]
        env = {**os.environ, "PRUSC_BENCH": str(figures)}
        try:
            done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, timeout=patience, env=env)
        except subprocess.TimeoutExpired:
            return [_verdict(" ".join(paths), "failed", patience, f"not done after {patience:g} s")], []
        cases = list(ElementTree.parse(file).getroot().iter("testcase")) if file.exists() else []
        if not cases:
            return [_verdict(" ".join(paths), "failed", 0.0, (done.stderr or done.stdout)[-500:])], []
        found = json.loads(figures.read_text(encoding="utf-8"))["figures"] if figures.exists() else []
        return [_of_case(case) for case in cases], found


def _of_case(case: ElementTree.Element) -> dict[str, Any]:
    name = f"{case.get('classname')}::{case.get('name')}"
    for kind, verdict in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        if (found := case.find(kind)) is not None:
            return _verdict(name, verdict, float(case.get("time", 0)), (found.get("message") or "")[:500])
    return _verdict(name, "passed", float(case.get("time", 0)), "")


def _verdict(name: str, verdict: str, seconds: float, message: str) -> dict[str, Any]:
    return {"name": name, "verdict": verdict, "seconds": round(seconds, 2), "message": message}


def demo(device: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Run the demo in a home of its own; return how it ended, and the worst group on the test split by stage."""
    from core.engine.devices import resolve
    from core.engine.engine import Engine
    from core.runs.home import Home
    from experiments.launch import create_run
    from experiments.plan import build_pipeline, make_plan

    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan("demo", overrides=overrides)
        run = create_run(Home.open(Path(folder)), plan)
        job = Engine(build_pipeline).submit(run, plan.config, resolve(device))
        job.wait()
        record = run.record()
    worst = {
        stage.name: round(stage.evaluations["test"]["worst_group"]["accuracy"], 4)
        for stage in record.stages
        if "test" in stage.evaluations
    }
    return {
        "status": "failed" if job.error else record.status,
        "reason": str(job.error or record.reason),
        "device": record.device,
        "seconds": round(record.seconds, 1),
        "stages": {stage.name: round(stage.seconds, 2) for stage in record.stages},
        "worst_group": worst,
    }


def is_well(report: dict[str, Any]) -> bool:
    """Whether tests have run, none has failed, and the demo has finished."""
    verdicts = [test["verdict"] for test in report["tests"]]
    return "passed" in verdicts and "failed" not in verdicts and report["demo"]["status"] == "finished"


def summary(report: dict[str, Any]) -> list[str]:
    """Lines to read: failed tests, figures, the demo, and the verdict."""
    verdicts = [test["verdict"] for test in report["tests"]]
    failed = [f"FAILED {test['name']}: {test['message']}" for test in report["tests"] if test["verdict"] == "failed"]
    demo = report["demo"]
    return [
        *failed,
        *(
            f"{row['name']} / {row['against']}: {row['ratio']:.2f} (target {row['target']})"
            for row in report["figures"]
        ),
        f"{report['machine']['device']}: {verdicts.count('passed')} tests passed, {len(failed)} failed, "
        f"{verdicts.count('skipped')} skipped; demo {demo['status']} in {demo['seconds']:g} s",
        "All is well." if report["ok"] else "Something is wrong.",
    ]


if __name__ == "__main__":
    sys.exit(main())
