"""Base class of data sets' settings, and the list of all data sets (no torch, no numpy).

A data set is one file in `core/data/sets`, or a module of an installed package with an entry point in the group
`prusc_tui.data`: a subclass of `Photos` or `Bundled` (`core.data.settings`), or of `DataSettings` itself.
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
"""Default data set of a run."""
GROUP = "prusc_tui.data"
"""Entry points of installed packages that declare data sets."""


class DataSettings(Section):
    """Settings of a data set, and what the program needs to know before reading it.

    A subclass declares `name: Literal["my-data"] = "my-data"`, a docstring, and defaults for all settings.
    """

    rank: ClassVar[int] = 100
    """Position in lists: lowest first, ties in alphabetical order."""
    origin: ClassVar[str] = "from other packages"
    """Origin of its images, as a heading in lists."""

    if TYPE_CHECKING:
        name: str = ""  # every data set has one; a field here would come first

    @property
    def n_classes(self) -> int:
        """Number of labels; 0 if unknown before the data is read."""
        return 0

    @property
    def n_given_environments(self) -> int:
        """Number of given environments of the training split; 0 if there are none."""
        return 0

    @property
    def title(self) -> str:
        """Name in lists of runs; a data set of the user's own has another than its settings."""
        return self.name

    @property
    def missing(self) -> str:
        """Input that the user must still provide, as one sentence; empty if nothing is missing."""
        return ""

    def source(self, digits: Path, cache: Path | None) -> "Source":
        """Find the data and check everything that can be checked without reading an image.

        Args:
            digits: folder of the packed digits.
            cache: folder for decoded images; None for the user's cache folder.

        Raises:
            InputError: the data is missing or damaged, or does not fit the settings.
        """
        raise NotImplementedError(f"{type(self).__name__}.source")

    def undecoded(self) -> Self:
        """Settings of the same data for use of labels and shapes only: images are decoded on demand."""
        return self


def data_sets() -> dict[str, type[DataSettings]]:
    """Name of every data set → class of its settings, in display order."""
    kinds: dict[str, type[DataSettings]] = {}
    for kind in discovery.declared("core.data.sets", GROUP, _declared_in):
        name = kind.model_fields["name"].default
        if kinds.setdefault(name, kind) is not kind:
            discovery.complain(f"data set '{name}' of {kind.__module__} is ignored: the name is already taken")
    return dict(sorted(kinds.items(), key=lambda item: (item[1].rank, item[0])))


def _declared_in(module: ModuleType) -> Iterator[type[DataSettings]]:
    """Data sets of a module; each is instantiated once, so that an incomplete one fails here.

    Raises:
        TypeError: there is none, or one without a docstring or a literal `name`.
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
    """Annotation of a setting that takes any data set, discriminated by name and discovered at first use."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> "CoreSchema":
        any_of_them = reduce(or_, data_sets().values())
        return handler.generate_schema(Annotated[any_of_them, Field(discriminator="name")])


Data = Annotated[DataSettings, _AnyOfThem()]
"""Settings of any data set."""
