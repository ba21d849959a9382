"""What every data set declares with its settings, and which data sets there are (no torch, no numpy).

A data set is one file in `core/data/sets`, or a module of an installed package that an entry point of the group
`prusc_tui.data` names: a subclass of `Photos` or `Bundled` (`core.data.settings`), or of `DataSettings` itself.
"""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_origin

from pydantic import Field, GetCoreSchemaHandler

from core import discovery
from core.config.section import Section

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

    from core.data.load import Source

DEFAULT = "colored-mnist"
"""Data set of a run where none is named."""
GROUP = "prusc_tui.data"
"""Entry points of installed packages that declare data sets."""


class DataSettings(Section):
    """Settings of a data set, and all that the program asks of one before it is read.

    A subclass declares `name: Literal["my-data"] = "my-data"` and a docstring; it has defaults for all its settings.
    """

    rank: ClassVar[int] = 100
    """Where it stands in lists: low first, alphabetical among equals."""
    origin: ClassVar[str] = "made by other packages"
    """Where its images come from, as a heading over a list."""

    if TYPE_CHECKING:
        name: str = ""  # of every data set; a field here would come before all others

    @property
    def n_classes(self) -> int:
        """Number of labels; 0 where only the data itself knows."""
        return 0

    @property
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it; 0 where there are none."""
        return 0

    @property
    def missing(self) -> str:
        """What a person has to say before the data can be read, in one sentence; empty where nothing is missing."""
        return ""

    def source(self, digits: Path, cache: Path | None) -> "Source":
        """Find the data, and refuse what can be refused without looking at an image.

        Args:
            digits: folder of the packed digits.
            cache: folder of the decoded images of other data sets; None for the user's.

        Raises:
            InputError: the data is missing or damaged, or does not fit the settings.
        """
        raise NotImplementedError(f"{type(self).__name__}.source")

    def undecoded(self) -> Self:
        """The same data for whoever needs labels and shapes: nothing is decoded ahead of its use."""
        return self


def data_sets() -> dict[str, type[DataSettings]]:
    """Name of every data set → class of its settings, in the order of lists."""
    kinds: dict[str, type[DataSettings]] = {}
    for kind in discovery.declared("core.data.sets", GROUP, _declared_in):
        name = kind.model_fields["name"].default
        if kinds.setdefault(name, kind) is not kind:
            discovery.complain(f"data set '{name}' of {kind.__module__} is left out: there is one of that name already")
    return dict(sorted(kinds.items(), key=lambda item: (item[1].rank, item[0])))


def _declared_in(module: ModuleType) -> Iterator[type[DataSettings]]:
    """Data sets of a module; each of them is made once, so that one that is not whole is told here.

    Raises:
        TypeError: there is none, or one without a description or a `name` that is its one value.
    """
    named = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, DataSettings) and "name" in kind.model_fields
    ]
    if not named:
        raise TypeError(f"module {module.__name__} declares no data set")
    for kind in named:
        if get_origin(kind.model_fields["name"].annotation) is not Literal or not kind.__doc__:
            raise TypeError(f"{kind.__name__} needs a docstring, and a name such as: name: Literal['x'] = 'x'")
        kind()
        yield kind


class _AnyOfThem:
    """Marks a setting that takes any data set: told apart by their names, and looked for when first needed."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> "CoreSchema":
        any_of_them = reduce(or_, data_sets().values())
        return handler.generate_schema(Annotated[any_of_them, Field(discriminator="name")])


Data = Annotated[DataSettings, _AnyOfThem()]
"""Settings of any data set."""
