"""The convolutional networks for the bundled digits."""

from torch import Tensor, nn

from core.models.perceptron import one_or_many


class DigitsCnn(nn.Module):
    """Three 3×3 convolutions (16, 32, 64 channels) with BatchNorm, global average pool, linear head.

    About 24,000 parameters for two classes. Pooling halves the resolution after the first two convolutions, so that an
    image of 28×28 costs two million multiplications.

    Args:
        n_classes: number of labels.
        channels: channels of the images.
    """

    def __init__(self, n_classes: int, channels: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _block(channels, 16),
            nn.MaxPool2d(2),
            _block(16, 32),
            nn.MaxPool2d(2),
            _block(32, 64),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Linear(64, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, n_classes] of images [n, channels, height, width], 4×4 or larger."""
        logits: Tensor = self.head(self.features(images).flatten(1))
        return logits


class ReferenceCnn(nn.Module):
    """Four 3×3 convolutions with ReLU and GroupNorm, global average pool, linear head.

    It has no BatchNorm, so what it makes of an image does not depend on the others.

    Args:
        channels: channels of the images.
        outputs: 1 for the logit of label 1 against label 0, else the number of classes.
        width: channels of the first convolution, half those of the others; a multiple of 8.
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


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        # BatchNorm removes whatever a bias adds.
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _stage(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.ReLU(), nn.GroupNorm(8, outputs)]
