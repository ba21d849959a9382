"""Names of the declared networks, and their constructors as Python expressions (no torch)."""

from core import discovery
from core.models import timm

PACKAGE = "core.models.networks"
GROUP = "prusc_tui.networks"
"""Entry points of installed packages that declare networks."""

# In training mode, their auxiliary heads would return a tuple instead of logits.
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def own_names() -> frozenset[str]:
    """Names of the networks in `core.models.networks` and installed packages; all others are torchvision's."""
    return frozenset(name.replace("_", "-") for name in discovery.names(PACKAGE, GROUP))


def extra_arguments(name: str) -> dict[str, bool]:
    """Extra arguments of `torchvision.models.get_model` for some networks."""
    # Explicit, because GoogLeNet and Inception warn about their defaults.
    return {"aux_logits": False, "init_weights": True} if name in _WITH_AUXILIARY_HEADS else {}


def in_python(name: str, outputs: int, channels: int, size: tuple[int, int], hidden: int) -> str:
    """Python expression for a network with fresh weights; arguments as for `networks.build`."""
    if name in own_names():
        more = f", hidden={hidden}" if hidden else ""
        return f"core.models.networks.build('{name}', {outputs}, channels={channels}, size={size}{more})"
    if timm.is_timm(name):
        return timm.in_python(name, outputs, channels, size)
    extra = "".join(f", {key}={value}" for key, value in extra_arguments(name).items())
    return f"torchvision.models.get_model('{name}', num_classes={outputs}{extra})"
