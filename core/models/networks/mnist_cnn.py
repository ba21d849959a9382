"""The convolutional network without BatchNorm that is common in the literature on invariant learning."""

from torch import Tensor, nn

from core.models.heads import one_or_many
from core.models.networks import network


@network("mnist-cnn", lambda w: {"channels": w.channels, "outputs": w.outputs})
class ReferenceCnn(nn.Module):
    """Four 3×3 convolutions with ReLU and GroupNorm, global average pool, linear head.

    It has no BatchNorm, so its output for an image does not depend on the other images. The first convolution has
    `width` channels, a multiple of 8, the others twice as many; one output is the logit of label 1 against label 0.
    """

    def __init__(self, channels: int = 2, outputs: int = 1, width: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_stage(channels, width),
            *_stage(width, 2 * width, stride=2),
            *_stage(2 * width, 2 * width),
            *_stage(2 * width, 2 * width),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Linear(2 * width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n] or [n, classes] of images [n, channels, height, width]."""
        logits: Tensor = self.head(self.features(images).flatten(1))
        return one_or_many(logits)


def _stage(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.ReLU(), nn.GroupNorm(8, outputs)]
