"""Initial weights of a network: random, published by torchvision, or from a file."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from torch import nn

from core.config import Model
from core.errors import InputError
from core.models import timm
from core.models.checkpoint import fit_file, load_foreign
from core.models.files import digest
from core.models.names import own_names
from core.models.timm import PREFIX
from core.paths import expanded

NONE, IMAGENET = "none", "imagenet"
_PATIENCE = 5.0
"""Timeout of network requests in seconds."""


def start_from(network: nn.Module, model: Model, log: Callable[[str], None]) -> None:
    """Load the initial weights of the settings, in place; a head of another size stays fresh.

    Raises InputError if the file is missing or does not match, or published weights are neither present nor
    downloadable.
    """
    if model.weights == NONE:
        return
    if model.weights == IMAGENET and timm.is_timm(model.name):
        log(f"the network starts from {timm.load_published(model.name, network)}")
        return
    file = _file(model)
    if model.weights == IMAGENET and not file.is_file():
        log(f"downloading {file.name} into {file.parent}")
        _download(model.name, file)
    log(f"the network starts from {load_foreign(file, network, fresh_head=True)}")
    if getattr(network, "transform_input", None) is False and file.name == _published_name(model.name):
        _fold_scale(network)


def check_start(network: nn.Module, model: Model) -> None:
    """Check, without loading, that the initial weights exist and match a network, which may be on `meta`.

    Raises InputError as `start_from`.
    """
    if model.weights == NONE:
        return
    if model.weights == IMAGENET and timm.is_timm(model.name):
        timm.published(model.name)
        return
    file = _file(model)
    if file.is_file() or model.weights != IMAGENET:
        fit_file(file, network, fresh_head=True)
    elif not _reachable(_published(model.name).url):
        raise _not_there(file)


def identity(model: Model) -> str:
    """Identity of the initial weights, for the key of the stage that trains the network.

    It is the digest of a file, the name of a published file, which includes part of its digest, or empty.
    """
    match model.weights:
        case "none":
            return ""
        case "imagenet" if timm.is_timm(model.name):
            return PREFIX + timm.published(model.name)
        case "imagenet":
            return _published_name(model.name) if model.name not in own_names() else ""
    return digest(Path(model.weights))


def _file(model: Model) -> Path:
    if model.weights != IMAGENET:
        return expanded(model.weights)
    if model.name in own_names():
        raise InputError(
            f"model.weights = imagenet: there are no published weights of '{model.name}'; "
            "use a torchvision network (model.name), your own weights (--weights FILE), or none"
        )
    return Path(torch.hub.get_dir()) / "checkpoints" / _published_name(model.name)


def _published(name: str) -> Any:
    """Published weights of a torchvision network: the first version, which this field compares with."""
    from torchvision.models import get_model_weights

    known = get_model_weights(name).__members__
    wanted = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1", "DEFAULT")
    return next(known[one] for one in wanted if one in known)


def _published_name(name: str) -> str:
    return Path(urlparse(_published(name).url).path).name


def _download(name: str, file: Path) -> None:
    try:
        _published(name).get_state_dict(progress=False, check_hash=True, weights_only=True)
    except OSError:
        raise _not_there(file) from None
    except RuntimeError as error:
        raise InputError(f"the download of {file.name} was damaged ({error}); try again") from None


def _reachable(url: str) -> bool:
    """Whether a URL responds; nothing is downloaded."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PATIENCE):
            return True
    except (URLError, OSError, ValueError):
        return False


def _not_there(file: Path) -> InputError:
    return InputError(
        f"model.weights = imagenet: torchvision's file {file.name} is not in {file.parent} and cannot be downloaded "
        "from here; put it there, or pass its path with --weights FILE"
    )


@torch.no_grad()
def _fold_scale(network: nn.Module) -> None:
    """Adapt a network whose published weights expect pixels in [−1, 1] to ImageNet's normalisation.

    These are GoogLeNet and Inception, which torchvision builds with a switch (`transform_input`) that is not stored in
    their files. The scale is folded into the first convolution, the shift into its BatchNorm.
    """
    conv = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    norm = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    mean, std = (conv.weight.new_tensor(v) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    shift = (conv.weight.sum(dim=(2, 3)) * (mean - 0.5) / 0.5).sum(dim=1)
    conv.weight.mul_((std / 0.5).view(1, 3, 1, 1))
    assert norm.running_mean is not None
    norm.running_mean.sub_(shift)
