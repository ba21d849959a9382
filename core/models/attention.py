"""Class-activation maps: where in an image a network finds evidence for a class."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import InputError


def grad_cam(
    network: nn.Module, images: Tensor, classes: Tensor, logits_of: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Grad-CAM on the last feature maps (Selvaraju et al. 2017, equations 1 and 2), in [0, 1].

    With feature maps A_k and the logit y of a class, the weight of map k is the mean of ∂y/∂A_k over all positions, and
    the result is ReLU(Σ_k weight_k A_k), enlarged to the size of the image and divided by its maximum. It is 0
    everywhere if there is no evidence for the class.

    Args:
        network: in evaluation mode; not changed.
        images: normalised pixels, float [n, channels, height, width].
        classes: class to explain for each image, int64 [n].
        logits_of: maps pixels to logits [n, classes] by means of the network; by default the network itself.

    Returns:
        float32 [n, height, width].

    Raises:
        InputError: the network has no feature maps of more than one pixel.
    """
    maps, logits = _last_maps(network, images, logits_of or network)
    (gradients,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), maps)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    found = (weights * maps).sum(dim=1, keepdim=True).relu().detach().float()
    large = F.interpolate(found, images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    return large / large.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)


def _last_maps(network: nn.Module, images: Tensor, logits_of: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The last output of any module that has more than one pixel for each image, and the logits."""
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: object) -> None:  # noqa: ARG001
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[-2] * output.shape[-1] > 1:
            seen[:] = [output]

    handles = [module.register_forward_hook(keep) for module in network.modules()]
    try:
        with torch.enable_grad():
            logits = logits_of(images.detach().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise InputError(f"{type(network).__name__} has no feature maps, so there is no map of what it looks at")
    return seen[0], logits
