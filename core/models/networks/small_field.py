"""A convolutional network whose features see only a small part of the image, so that it learns local cues."""

from torch import Tensor, nn

from core.models.networks import network

DEPTHS = (2, 3, 4, 5)
"""Possible numbers of 3×3 convolutions; the receptive field is 2^depth + 1 pixels wide: 5, 9, 17 or 33."""
SHARE = 1 / 5
"""Largest part of the side of an image that a receptive field may cover, if it is larger than 5 pixels."""
WIDTH = 16
"""Channels of the first convolution; each further one has twice as many."""


@network("small-field", lambda w: {"n_classes": w.outputs, "channels": w.channels, "side": min(w.size)})
class SmallField(nn.Module):
    """3×3 convolutions with BatchNorm, one 1×1 convolution, global average pool, linear head.

    All convolutions but the first halve the resolution. There is no other pooling, so a feature sees 5×5 pixels of a
    digit and up to 33×33 of a photograph, as in BagNets (Brendel and Bethge, arXiv 1904.00760): the network knows which
    local cues are in the image, but not how they are arranged.

    Args:
        n_classes: number of labels.
        channels: channels of the images.
        side: the shorter side of the images in pixels.
    """

    def __init__(self, n_classes: int, channels: int = 3, side: int = 28) -> None:
        super().__init__()
        depth = max((d for d in DEPTHS if field(d) <= SHARE * side), default=DEPTHS[0])
        layers: list[nn.Module] = []
        inputs, outputs = channels, WIDTH
        for i in range(depth):
            layers += _block(inputs, outputs, 3, stride=1 if i == 0 else 2)
            inputs, outputs = outputs, 2 * outputs
        self.features = nn.Sequential(*layers, *_block(inputs, outputs, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(outputs, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, n_classes] of images [n, channels, height, width]."""
        logits: Tensor = self.head(self.pool(self.features(images)).flatten(1))
        return logits


def field(depth: int) -> int:
    """Width in pixels of the receptive field of a feature after `depth` 3×3 convolutions."""
    return (1 << depth) + 1


def _block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [
        # A bias would have no effect before BatchNorm.
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
