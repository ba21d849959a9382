"""Networks of timm by name: `timm/NAME`, with the extra `timm`; imports timm where it is used."""

from typing import TYPE_CHECKING, Any

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm/"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def is_timm(name: str) -> bool:
    """Whether a name is that of a network of timm."""
    return name.startswith(PREFIX)


def check_name(name: str) -> None:
    """Make sure that timm is installed and has a network.

    Raises InputError if not, with the nearest name.
    """
    known = [PREFIX + one for one in _timm().list_models()]
    if name.partition(".")[0] not in known:
        raise InputError(f"unknown network '{name}'{nearest(name, known)} (see timm.list_models())")


def build(name: str, outputs: int, channels: int, size: tuple[int, int]) -> "nn.Module":
    """Make a network with fresh weights, drawn from torch's global generator; for `size` if it has a fixed one.

    Raises InputError if there is no such network, or it cannot take such images.
    """
    check_name(name)
    try:
        made: nn.Module = _timm().create_model(
            name.removeprefix(PREFIX), pretrained=False, **_arguments(name, outputs, channels, size)
        )
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        raise InputError(f"network '{name}' cannot be made for images of {size[0]} × {size[1]}: {error}") from None
    return made


def published(name: str) -> str:
    """Name and tag of the published weights that `model.weights = imagenet` means, such as `resnet18.a1_in1k`.

    Raises InputError if there are none, or they expect images that are normalised in another way than ours.
    """
    check_name(name)
    bare = name.removeprefix(PREFIX)
    config = _timm().get_pretrained_cfg(bare)
    if config is None or not config.has_weights:
        raise InputError(f"model.weights = imagenet: timm has no published weights of '{name}'; use none, or a file")
    if (tuple(config.mean), tuple(config.std)) != (IMAGENET_MEAN, IMAGENET_STD):
        raise InputError(
            f"model.weights = imagenet: those of '{name}' expect images with mean {config.mean} and deviation "
            f"{config.std}, but images are normalised with ImageNet's; choose another tag, such as {name}.TAG"
        )
    return f"{bare.partition('.')[0]}.{config.tag}" if config.tag else bare


def load_published(name: str, network: "nn.Module") -> str:
    """Load the published weights into a network, in place; its head stays fresh. Return what was loaded, in words.

    Raises InputError if they are neither on this machine nor can be downloaded, or the network has other layers.
    """
    import torch

    from core.models.representation import find_head

    which = published(name)
    try:
        with torch.random.fork_rng(devices=[]):  # what follows is the same as with weights from a file
            pretrained = _timm().create_model(which, pretrained=True)
    except Exception as error:  # timm passes on errors of several libraries that download
        raise InputError(
            f"model.weights = imagenet: timm's weights {which} are not on this machine and cannot be downloaded "
            f"({type(error).__name__}); pass a file with --weights FILE"
        ) from None
    head, _ = find_head(network)
    state = {key: value for key, value in pretrained.state_dict().items() if key.rpartition(".")[0] != head}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(f"model.weights = imagenet: timm's weights {which} do not fit: {error}") from None
    if unexpected or any(key.rpartition(".")[0] != head for key in missing):
        raise InputError(f"model.weights = imagenet: timm's weights {which} are of another network than '{name}'")
    return f"timm's weights {which}"


def in_python(name: str, outputs: int, channels: int, size: tuple[int, int]) -> str:
    """Python expression for the network that `build` makes."""
    words = (f", {key}={value}" for key, value in _arguments(name, outputs, channels, size).items())
    return f"timm.create_model('{name.removeprefix(PREFIX)}'{''.join(words)})"


def _arguments(name: str, outputs: int, channels: int, size: tuple[int, int]) -> dict[str, Any]:
    config = _timm().get_pretrained_cfg(name.removeprefix(PREFIX), allow_unregistered=True)
    fixed = {"img_size": size} if config is not None and config.fixed_input_size else {}
    return {"num_classes": outputs, "in_chans": channels, **fixed}


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise InputError("networks of timm need the extra: pip install 'prusc-tui[timm]'") from None
    return timm
