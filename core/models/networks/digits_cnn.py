"""A small convolutional network for the bundled digits."""

from torch import Tensor, nn

from core.models.networks import network


@network("digits-cnn", lambda w: {"n_classes": w.outputs, "channels": w.channels})
class DigitsCnn(nn.Module):
    """Three 3×3 convolutions (16, 32, 64 channels) with BatchNorm, global average pool, linear head.

    About 24,000 parameters for two classes. Pooling halves the resolution after the first two convolutions, so that an
    image of 28×28 costs two million multiplications.
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


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        # A bias would have no effect before BatchNorm.
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
