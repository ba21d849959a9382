"""The setting `compute.precision=auto`: chosen before the first stage, by a trial or as an earlier run chose."""

import hashlib
import math
from collections.abc import Callable

import orjson
import torch

from core.config import Config
from core.data.dataset import DataSet
from core.engine.devices import software
from core.parallel import formed
from core.runs.disk import locked, replace_file
from core.runs.home import Home

AUTO = "auto"
PATIENCE = 600.0
"""Seconds to wait for the trial of another run."""


def choose(home: Home, config: Config, load_data: Callable[[], DataSet], device: torch.device) -> tuple[str, str]:
    """Choose the precision of a run, and say why: the end of a sentence that begins with “as”.

    Runs with equal data, networks, batches and devices choose the same, so that they share stages: the home keeps what
    the first of them chose.

    Raises:
        Stopped: a stop was requested while the data was loaded.
    """
    if config.deterministic:
        return "fp32", "exactly reproducible results must not depend on a trial"
    batch_size = math.ceil(config.erm.batch_size / config.compute.accumulate / formed().size)
    about = software(device)
    data = hashlib.sha256(orjson.dumps(config.data.deciding(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
    images = f"{batch_size} images of {config.data.name} ({data})"
    key = f"{about['device']}, torch {about['torch']}, {config.model.name}, {images}"
    before = "an earlier run chose it on this device"
    if (known := _kept(home).get(key)) is not None:
        return known, before
    dataset = load_data()
    with locked(home.locks / "trials.lock", "the trial of precisions", PATIENCE):
        kept = _kept(home)
        if key in kept:
            return kept[key], before
        from core.training.trial import try_precisions

        trial = try_precisions(config, dataset, device, batch_size)
        replace_file(home.trials, orjson.dumps({**kept, key: trial.faster}, option=orjson.OPT_INDENT_2))
    return trial.faster, trial.line()


def _kept(home: Home) -> dict[str, str]:
    """What trials have chosen; nothing if the file is missing or damaged."""
    try:
        kept: dict[str, str] = orjson.loads(home.trials.read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
