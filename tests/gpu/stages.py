"""Every stage that the recipes and finders declare, run on the CPU and, from the same inputs, on a simulated GPU."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load_file

import core
import core.stages
from core.artifacts import MODEL
from core.config import Compute, Section
from core.data.dataset import DataSet
from core.engine.context import StageContext
from core.engine.stage import Pipeline, Stage, stage_key
from core.runs.folder import RunFolder
from core.training.memory import Parts
from experiments.finders import FILE, finders
from experiments.plan import make_plan
from experiments.recipes import RECIPES
from tests.engine.lab import never, pipeline_of
from tests.gpu.simulated import HALVES, FakeGpu, simulated, step
from tests.training.stage_lab import run_folder

CPU = torch.device("cpu")
TINY = (
    *("data.train_size=160", "data.validation_size=60", "data.test_size=40", "select.looks=1"),
    *("erm.epochs=0.4", "erm.batch_size=32", "erm.keep_epochs=[0.2,0.4]", "represent.batch_size=64"),
    *("cluster.candidates=[2]", "cluster.k=2", "cluster.min_skew=0", "cluster.restarts=1", "balance.warn_below=0"),
    *("prune.steps=2", "prune.batch_size=16", "finetune.steps=2", "finetune.batch_size=16"),
    *("train.steps=3", "train.hidden=8", "train.restarts=2", "train.anneal_until=1", "environments.eiil_steps=3"),
    *("biased.rounds=1", "biased.max_steps=20", "biased.overlap=0", "biased.batch_size=32"),
    *("small_field.max_steps=20", "small_field.overlap=0", "small_field.batch_size=32"),
    *("twins.steps=3", "eiil.steps=3", "lff.epochs=0.4", "afr.steps=2", "afr.epoch=0", "dfr.draws=1"),
    *("sparse.shares=[0.5]", "find.by=random"),
)
LEARNED = {"errors": ("erm.epochs=2", "erm.keep_epochs=[2]", "errors.epoch=2", "erm.batch_size=16")}
"""Finders that need a network which has learned something, and what gives it to them."""
SOME = ("prune-only", "irm")
VARIANTS: dict[str, tuple[str, ...]] = {
    "masks to a share": ("prune-only", "prune.keep=0.5", "prune.gradient=sample"),
    "masks of channels": ("prune-only", "prune.structure=channels", "prune.samples=2"),
    "masks in parts": ("prune-only", "compute.accumulate=2"),
    "masks without contrast": ("prune-only", "prune.contrast_weight=0", "prune.batchnorm=frozen"),
    "environments in batches": ("irm", "train.batch_size=32", "train.estimator=split"),
    "pairs": ("irm", "train.estimator=pairs", "train.head=multi-class"),
    "convolutions as members": ("irm", "train.network=mnist-cnn"),
    "adam": ("erm", "erm.optimizer=adam", "erm.weight_decay=0.01"),
}
"""Settings that take a stage another way than its defaults do: a recipe and overrides."""
TRAVELS, RESIDENT = FakeGpu(free=0), FakeGpu()


def stage_kinds() -> dict[str, type[Stage]]:
    """Name → class of every stage that is declared."""
    names = [f"core.stages.{found.name}" for found in pkgutil.iter_modules(core.stages.__path__)]
    kinds = {kind for name in names for kind in vars(importlib.import_module(name)).values() if isinstance(kind, type)}
    real = [
        kind for kind in kinds if issubclass(kind, Stage) and not inspect.isabstract(kind) and hasattr(kind, "name")
    ]
    return {kind.__name__: kind for kind in sorted(real, key=lambda kind: kind.__name__)}


def learner_kinds() -> dict[str, type]:
    """Name → class of everything that takes steps and has a state: what trains, in stages and in parts of them.

    What steps an optimiser for a learner is none.
    """
    kinds = set()
    for found in pkgutil.walk_packages(core.__path__, "core."):
        kinds |= {kind for kind in vars(importlib.import_module(found.name)).values() if isinstance(kind, type)}
    steps = [
        kind
        for kind in kinds
        if kind.__module__.startswith("core.")
        and inspect.isfunction(getattr(kind, "step", None))
        and hasattr(kind, "load_state_dict")
        and "optimizer" not in inspect.signature(kind.step).parameters
        and not inspect.isabstract(kind)
        and not getattr(kind, "_is_protocol", False)
    ]
    return {kind.__name__: kind for kind in sorted(steps, key=lambda kind: kind.__name__)}


@dataclass
class Run:
    """A stage on the simulated GPU.

    Attributes:
        kind: name of its class.
        way: how it was run.
        error: what it raised.
        different: tensors of its artifacts that are not those of the CPU.
    """

    kind: str
    way: str
    error: Exception | None
    different: list[str]


class Lab:
    """Runs stages on the CPU, and those of a new kind on the simulated GPU too.

    Args:
        path: folder for the runs.
        precisions: in which stages run besides fp32.

    Attributes:
        runs: on the simulated GPU.
        learners: class → the last object of it that took a step there, with the arguments.
    """

    def __init__(self, path: Path, precisions: Sequence[str] = ("bf16", "fp16")) -> None:
        self._precisions = precisions
        self.runs: list[Run] = []
        self.learners: dict[type, tuple[Any, tuple[Any, ...]]] = {}
        self._path = path
        self._done: dict[str, Path] = {}
        self._seen: set[tuple[str, ...]] = set()

    def some(self) -> None:
        """Run what nearly all recipes share, and members that are trained together."""
        for name in SOME:
            self.plan(name)

    def everything(self) -> None:
        """Run all finders, recipes and variants."""
        for name in finders():
            if name != FILE:
                self.plan("prune-only", f"find.by={name}", *LEARNED.get(name, ()))
        for name in RECIPES:
            self.plan(name)
        for name, (recipe, *overrides) in VARIANTS.items():
            self.plan(recipe, *overrides, variant=name)
        self.given_files()

    def given_files(self) -> None:
        """Run what begins with files of the user: a network, and a table of pseudo-groups."""
        model = next(folder for folder in self._done.values() if folder.name == "erm") / MODEL
        table = self._path / "groups.csv"
        rows = [f"{split},{n},{n % 2}" for split, count in (("train", 160), ("validation", 60)) for n in range(count)]
        table.write_text("\n".join(["split,index,group", *rows]), encoding="utf-8")
        self.plan("prune-only", f"model.checkpoint={model}", f"find.file={table}")

    def plan(self, recipe: str, *overrides: str, variant: str = "") -> None:
        """Run what is new in a plan."""
        fixed = RECIPES[recipe].fixed
        given = {text.partition("=")[0] for text in overrides}
        tiny = [text for text in TINY if text.partition("=")[0] not in {*fixed, *given}]
        config = make_plan(recipe, overrides=(*tiny, *overrides)).config
        pipeline = pipeline_of(config)
        # A variant is of the last stage.
        new = [(type(stage).__name__, "", *_objectives(stage)) for stage in pipeline.stages[:-1]]
        last = pipeline.stages[-1]
        new.append((type(last).__name__, variant, *_objectives(last)))
        if {*new} <= self._seen:
            return
        folder = run_folder(self._path / f"{len(self._seen)}-{recipe}")
        keys: dict[str, str] = {}
        for stage, key in zip(pipeline.stages, new, strict=True):
            keys[stage.name] = stage_key(stage, [keys[name] for name in stage.inputs], str(config.data), 0)
            final = folder.artifacts(stage.name)
            final.parent.mkdir(parents=True, exist_ok=True)
            if (done := self._done.get(keys[stage.name])) is None:
                self._run(stage, folder, CPU, pipeline).rename(final)
                self._done[keys[stage.name]] = final
            else:
                final.symlink_to(done)
            if key not in self._seen:
                self._seen.add(key)
                for way, fake, same in _ways(stage, self._precisions):
                    self._on_gpu(same, folder, pipeline, f"{variant or recipe}, {way}", fake, exact=same is stage)

    def _on_gpu(
        self, stage: Stage, folder: RunFolder, pipeline: Pipeline, way: str, fake: FakeGpu, *, exact: bool
    ) -> None:
        run = Run(type(stage).__name__, way, None, [])
        self.runs.append(run)
        try:
            with simulated(fake) as device, self._watched():
                found = self._run(stage, folder, device, pipeline)
            if exact:
                run.different = _different(found, folder.artifacts(stage.name), close=hasattr(stage, "train"))
        except Exception as error:
            run.error = error

    def _run(self, stage: Stage, folder: RunFolder, device: torch.device, pipeline: Pipeline) -> Path:
        data: Callable[[], DataSet] = pipeline.load_data
        folder.drop_checkpoint(stage.name)  # of the same stage in another way
        context = StageContext(folder, stage.name, device, 0, data, lambda _: None, never)
        stage.run(context)
        return context.directory

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Every step of a learner, and every forward pass without gradient, is a step that may not wait."""

        def watched(plain: Callable[..., Any], keep: bool) -> Callable[..., Any]:
            @wraps(plain)
            def inner(of: Any, *args: Any) -> Any:
                if keep:
                    self.learners[type(of)] = of, args
                with step():
                    found = plain(of, *args)
                values = found.values() if isinstance(found, dict) else ()
                assert not [value for value in values if value.dtype in HALVES], "a loss is in half precision"
                return found

            return inner

        with ExitStack() as stack:
            owners = {next(of for of in kind.__mro__ if "step" in vars(of)) for kind in learner_kinds().values()}
            for owner in owners:
                stack.enter_context(patch.object(owner, "step", watched(vars(owner)["step"], keep=True)))
            stack.enter_context(patch.object(Parts, "forward", watched(Parts.forward, keep=False)))
            yield


def _objectives(stage: Stage) -> tuple[str, ...]:
    """What a stage optimises, as stages of one class may differ in that."""
    sections = [getattr(stage, field.name) for field in fields(stage)]
    return tuple(str(of.objective) for of in sections if isinstance(of, Section) and hasattr(of, "objective"))


def _ways(stage: Stage, precisions: Sequence[str]) -> Iterator[tuple[str, FakeGpu, Stage]]:
    """How a stage is run: with images that travel, and in half precision with images on the GPU."""
    yield "fp32", TRAVELS, stage
    compute = getattr(stage, "compute", None)
    if isinstance(compute, Compute) and compute.accumulate == 1:
        for precision in precisions:
            changed = compute.model_copy(update={"precision": precision})
            yield precision, RESIDENT, replace(stage, compute=changed)  # type: ignore[call-arg]


def _different(ours: Path, theirs: Path, *, close: bool) -> list[str]:
    """Tensors of two folders that differ: in any bit, or if they must only be `close`, in more than rounding."""
    names = sorted(path.name for path in theirs.glob("*.safetensors"))
    assert names == sorted(path.name for path in ours.glob("*.safetensors"))
    found = []
    for name in names:
        one, other = load_file(ours / name), load_file(theirs / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            if not torch.equal(value, other[key]) and not (close and _close(value, other[key])):
                found.append(f"{name}: {key}")
    return found


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    if not one.is_floating_point():
        return bool((one != other).float().mean() < 0.05)
    # Adam makes a step of full size of the rounding of a gradient that is nearly 0.
    return bool(torch.isclose(one, other, rtol=1e-3, atol=1e-4).float().mean() > 0.99)
