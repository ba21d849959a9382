"""What a file of weights needs beside it to be used: the network, its outputs and the pixels that it takes (no torch).

The description lies beside the weights under the same name, `model.json` beside `model.safetensors`.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from core.config import Config, Train
from core.errors import InputError
from core.models.names import in_python, own_names

if TYPE_CHECKING:
    from core.data.dataset import DataSet

OF_MEMBERS = ("reference", "train")
"""Stages that train the network of section `train`; all others have that of section `model`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A network without its weights.

    Attributes:
        network: its name.
        hidden: units of each hidden layer, for a network that can have any number; torchvision's cannot: 0.
        outputs: logits, one for each label; 1 where the only one is that of label 1 against label 0.
        labels: names of the labels in the order of their numbers.
        channels: channels of the images.
        stored: height and width that an image is resized to.
        crop: height and width of the part in the middle that the network sees.
        mean: mean of each channel, of pixels in [0, 1].
        std: standard deviation likewise.
    """

    network: str
    hidden: int = 0
    outputs: int
    labels: tuple[str, ...]
    channels: int
    stored: tuple[int, int]
    crop: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def build(self) -> str:
        """The network in Python, with fresh weights; `load_state_dict` of the file's tensors does the rest."""
        return in_python(self.network, self.outputs, self.channels, self.crop, self.hidden)

    @property
    def says(self) -> dict[str, str]:
        """What goes in and what comes out, in words."""
        (height, width), (rows, columns) = self.stored, self.crop
        whole = self.stored == self.crop
        middle = "" if whole else f", of which the middle {rows}×{columns} is taken"
        pixels = f"images of {height}×{width}{middle}; pixels / 255, minus mean, divided by std, channel by channel"
        if self.outputs == 1:
            return {"input": pixels, "output": "one logit: above 0 for label 1, below for label 0"}
        return {"input": pixels, "output": "a logit for every label, in the order of labels"}

    def to_json(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {**asdict(self), "build": self.build, **self.says}

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Read the description that lies beside the weights `file`; None where there is none.

        Raises:
            InputError: it is there, and is no such description.
        """
        beside = file.with_suffix(".json")
        if not beside.is_file():
            return None
        try:
            told = orjson.loads(beside.read_bytes())
            known: dict[str, Any] = {f.name: told[f.name] for f in fields(cls) if f.name in told}
            known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
            return cls(**known)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{beside}: is no description of a network ({error})") from None


def describe(config: Config, dataset: "DataSet", stage: str) -> Description:
    """Describe the network that `stage` hands on."""
    channels, height, width = dataset.splits["train"].images.shape[1:]
    member = stage in OF_MEMBERS
    network = config.train.network if member else config.model.name
    hidden = config.train.hidden if member else Train().hidden  # section `model` has no say in it
    binary = member and config.train.head_for(len(dataset.label_names)) == "binary"
    return Description(
        network=network,
        hidden=hidden if network in own_names() else 0,
        outputs=1 if binary else len(dataset.label_names),
        labels=dataset.label_names,
        channels=channels,
        stored=(height, width),
        crop=(dataset.crop or height, dataset.crop or width),
        mean=dataset.mean,
        std=dataset.std,
    )
