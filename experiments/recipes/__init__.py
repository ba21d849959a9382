"""The recipes by name: one readable file each."""

from core.errors import InputError, nearest
from experiments.recipe import Recipe
from experiments.recipes.erm import ERM
from experiments.recipes.finetune_only import FINETUNE_ONLY
from experiments.recipes.group_balanced import GROUP_BALANCED
from experiments.recipes.group_dro import GROUP_DRO
from experiments.recipes.last_layer import LAST_LAYER
from experiments.recipes.prune_only import PRUNE_ONLY
from experiments.recipes.prusc import PRUSC
from experiments.recipes.prusc_no_contrast import PRUSC_NO_CONTRAST
from experiments.recipes.prusc_random_clusters import PRUSC_RANDOM_CLUSTERS

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        ERM,
        PRUSC,
        PRUSC_NO_CONTRAST,
        PRUSC_RANDOM_CLUSTERS,
        PRUNE_ONLY,
        FINETUNE_ONLY,
        LAST_LAYER,
        GROUP_BALANCED,
        GROUP_DRO,
    )
}


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises:
        InputError: there is none; the sentence names the nearest.
    """
    if name not in RECIPES:
        raise InputError(f"unknown recipe '{name}'{nearest(name, list(RECIPES))} (see: prusc recipes)")
    return RECIPES[name]
