"""The representation of an image: the input of the network's head."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.func import functional_call

from core.errors import InputError


def find_head(network: nn.Module) -> tuple[str, nn.Linear]:
    """Name and module of the last linear layer, in the order of the modules; InputError if there is none."""
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError(f"{type(network).__name__} has no linear layer and so no representation")
    return linear[-1]


class Representation:
    """A network that also returns its representation, the input of its head; the network is not changed.

    The hook on the head, the last linear layer, which must see one vector per image, exists only during a call. Raises
    InputError if the network has no linear layer.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.head_name, self.head = find_head(network)

    def __call__(self, images: Tensor, weights: Mapping[str, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Logits [n, classes] and representation [n, d] of images [n, channels, height, width], with their gradient.

        Parameters and buffers in `weights`, by name, replace those of the network. Raises ValueError if the head was
        not called exactly once with one vector per image.
        """
        seen: list[Tensor] = []
        handle = self.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            if weights is None:
                logits: Tensor = self.network(images)
            else:
                logits = functional_call(self.network, dict(weights), (images,))
        finally:
            handle.remove()
        if len(seen) != 1 or seen[0].dim() != 2:
            shapes = [tuple(z.shape) for z in seen]
            raise ValueError(f"the head '{self.head_name}' received {shapes}, not one input of shape [n, d]")
        return logits, seen[0]
