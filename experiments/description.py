"""Description of a file of weights: the network, its outputs and the pixels that it takes (no torch).

It is stored next to the weights under the same name: `model.json` next to `model.safetensors`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from core.artifacts import MODEL
from core.config import Config, Train
from core.errors import InputError, nearest
from core.models.names import in_python, own_names
from core.runs.folder import RunFolder

if TYPE_CHECKING:
    from core.data.dataset import DataSet

OF_MEMBERS = ("reference", "train")
"""Stages that train the network of section `train`; all others use that of section `model`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A network without its weights.

    Attributes:
        hidden: units of each hidden layer; 0 for networks of torchvision, where it is fixed.
        outputs: number of logits, one per label; 1 for a single logit of label 1 against label 0.
        stored: height and width that an image is resized to.
        crop: height and width of the centre crop that the network sees.
        mean: mean of each channel, of pixels in [0, 1], and `std` their standard deviation.
        kept: convolution → number of its output channels, where some were cut out.
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
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def build(self) -> str:
        """Python code of the network with fresh weights, ready for `load_state_dict` of the file's tensors."""
        whole = in_python(self.network, self.outputs, self.channels, self.crop, self.hidden)
        return f"core.pruning.channels.with_channels({whole}, {dict(self.kept)})" if self.kept else whole

    @property
    def says(self) -> dict[str, str]:
        """Input and output in words."""
        (height, width), (rows, columns) = self.stored, self.crop
        whole = self.stored == self.crop
        middle = "" if whole else f", cropped to the middle {rows}×{columns}"
        pixels = f"images of {height}×{width}{middle}; pixels / 255, minus mean, divided by std, channel by channel"
        if self.outputs == 1:
            return {"input": pixels, "output": "one logit: above 0 for label 1, below for label 0"}
        return {"input": pixels, "output": "a logit for every label, in the order of labels"}

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {**asdict(self), "build": self.build, **self.says}

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Read the description next to the weights `file`, None without one; InputError if it is another file."""
        beside = file.with_suffix(".json")
        if not beside.is_file():
            return None
        try:
            values = orjson.loads(beside.read_bytes())
            known: dict[str, Any] = {f.name: values[f.name] for f in fields(cls) if f.name in values}
            known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
            return cls(**known)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{beside}: is not a description of a network ({error})") from None


def describe(config: Config, dataset: "DataSet", stage: str) -> Description:
    """Describe the network that `stage` produces."""
    n_classes = len(dataset.label_names)
    if stage not in OF_MEMBERS:
        return for_images(dataset, config.model.name, n_classes)
    binary = config.train.head_for(n_classes) == "binary"
    return for_images(dataset, config.train.network, 1 if binary else n_classes, config.train.hidden)


def for_images(dataset: "DataSet", network: str, outputs: int, hidden: int | None = None) -> Description:
    """Describe a network that takes the images of a data set as they are."""
    channels, height, width = dataset.splits["train"].images.shape[1:]
    return Description(
        network=network,
        hidden=(hidden or Train().hidden) if network in own_names() else 0,  # section `model` has no such setting
        outputs=outputs,
        labels=dataset.label_names,
        channels=channels,
        stored=(height, width),
        crop=(dataset.crop or height, dataset.crop or width),
        mean=dataset.mean,
        std=dataset.std,
    )


def stage_with_network(folder: RunFolder, stage: str | None = None) -> str:
    """Check that a stage has a network; by default the last that has one. Raises InputError without one."""
    record = folder.record()
    names = [s.name for s in record.stages if (folder.artifacts(s.name) / MODEL).exists()]
    if stage is not None and stage not in names:
        raise InputError(f"--stage {stage}: run '{record.name}' has no network of that stage{nearest(stage, names)}")
    if not names:
        raise InputError(f"run '{record.name}' has no network yet; it is {folder.status()}")
    return stage or names[-1]
