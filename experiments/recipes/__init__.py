"""The recipes by name: one file each in this folder, and those of installed packages."""

from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

from core.discovery import declared
from core.errors import InputError, nearest
from experiments.recipe import KINDS, Recipe

GROUP = "prusc_tui.recipes"
"""Entry point group under which an installed package names modules with recipes."""


class _Recipes(Mapping[str, Recipe]):
    """Name → recipe, ordered by kind; found at first use."""

    def _all(self) -> dict[str, Recipe]:
        by_name: dict[str, Recipe] = {}
        for recipe in declared(__name__, GROUP, _read):
            by_name.setdefault(recipe.name, recipe)
        return dict(sorted(by_name.items(), key=lambda item: (KINDS.index(item[1].kind), item[0])))

    def __getitem__(self, name: str) -> Recipe:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


RECIPES: Mapping[str, Recipe] = _Recipes()


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise InputError(f"unknown recipe '{name}'{nearest(name, list(RECIPES))} (see: prusc recipes)")
    return RECIPES[name]


def _read(module: ModuleType) -> Iterable[Recipe]:
    recipes = [value for value in vars(module).values() if isinstance(value, Recipe)]
    if not recipes:
        raise ValueError("it declares no recipe")
    for recipe in recipes:
        recipe.stage_names()  # fails here if the recipe cannot create its stages
    return recipes
