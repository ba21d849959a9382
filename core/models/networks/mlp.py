"""The multi-layer perceptron for experiments on environments."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.heads import one_or_many
from core.models.networks import network


@network("mlp", lambda w: {"inputs": w.channels * w.size[0] * w.size[1], "outputs": w.outputs, "hidden": w.hidden})
class Mlp(nn.Module):
    """Two hidden layers with ReLU (IRM's authors: 390 units), Xavier weights and biases of 0.

    It takes `inputs` values per image; one output is the logit of label 1 against label 0.
    """

    def __init__(self, inputs: int, outputs: int = 1, hidden: int = 390) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, outputs)
        for layer in (self.first, self.second, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n] or [n, classes] of x [n, …], optionally converted by `fast` before."""
        z = fast(x)
        for layer in (self.first, self.second):
            z = F.linear(z, layer.weight, layer.bias).relu()
        logits: Tensor = self.head(z.to_dense() if z.is_mkldnn else z)
        return one_or_many(logits)

    def plain(self) -> nn.Module:
        """The same network in standard operations without CPU layouts, for exporters."""
        return _Plain(self)

    @staticmethod
    def stacked(parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Logits, [members, n] or [members, n, classes], of many perceptrons at once by batched matrix products.

        Their parameters are stacked by name, [members, …]; all get the same images, [n, …].
        """
        z = x.flatten(1).expand(len(parameters["head.bias"]), -1, -1)
        for layer in ("first", "second", "head"):
            z = torch.baddbmm(parameters[f"{layer}.bias"][:, None], z, parameters[f"{layer}.weight"].mT)
            if layer != "head":
                z = z.relu_()
        return one_or_many(z)


def fast(x: Tensor) -> Tensor:
    """Flatten x [n, …] to [n, d], in oneDNN's layout if that may be faster; idempotent.

    On AMD processors, torch's BLAS uses only half of the vector width; with oneDNN the perceptron takes half the time.
    On other processors both are equally fast.
    """
    if x.is_mkldnn:
        return x
    flat = x.flatten(1)
    able = x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available()
    if not able or torch.is_autocast_enabled("cpu"):  # autocast cannot convert oneDNN's layout
        return flat
    return flat.contiguous().to_mkldnn()


class _Plain(nn.Module):
    def __init__(self, network: Mlp) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        one = {name: parameter[None] for name, parameter in self.network.named_parameters()}
        return Mlp.stacked(one, pixels)[0]
