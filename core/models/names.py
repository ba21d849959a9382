"""Which networks are declared, and how one is made in Python, told without torch."""

from core import discovery

PACKAGE = "core.models.networks"
GROUP = "prusc_tui.networks"
"""Entry points of installed packages that declare networks."""

# Their auxiliary heads answer in training mode only, with a tuple where everything else expects logits.
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def own_names() -> frozenset[str]:
    """Names of the networks of `core.models.networks` and of installed packages; all others are torchvision's."""
    return frozenset(name.replace("_", "-") for name in discovery.names(PACKAGE, GROUP))


def extra_arguments(name: str) -> dict[str, bool]:
    """Arguments of `torchvision.models.get_model` beside those that all its networks take."""
    # Given outright, because GoogLeNet and Inception warn about their default.
    return {"aux_logits": False, "init_weights": True} if name in _WITH_AUXILIARY_HEADS else {}


def in_python(name: str, outputs: int, channels: int, size: tuple[int, int], hidden: int) -> str:
    """A network with fresh weights as an expression in Python; the arguments are those of `networks.build`."""
    if name in own_names():
        more = f", hidden={hidden}" if hidden else ""
        return f"core.models.networks.build('{name}', {outputs}, channels={channels}, size={size}{more})"
    extra = "".join(f", {key}={value}" for key, value in extra_arguments(name).items())
    return f"torchvision.models.get_model('{name}', num_classes={outputs}{extra})"
