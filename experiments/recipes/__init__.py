"""The recipes by name: one readable file each."""

from core.errors import InputError, nearest
from experiments.recipe import Recipe
from experiments.recipes.eiil import EIIL
from experiments.recipes.eiil_attribute import EIIL_ATTRIBUTE
from experiments.recipes.erm import ERM
from experiments.recipes.erm_balance import ERM_BALANCE
from experiments.recipes.erm_grey import ERM_GREY
from experiments.recipes.erm_pooled import ERM_POOLED
from experiments.recipes.finetune_only import FINETUNE_ONLY
from experiments.recipes.group_balanced import GROUP_BALANCED
from experiments.recipes.group_dro import GROUP_DRO
from experiments.recipes.group_dro_inferred import GROUP_DRO_INFERRED
from experiments.recipes.irm import IRM
from experiments.recipes.irm_given import IRM_GIVEN
from experiments.recipes.irm_random import IRM_RANDOM
from experiments.recipes.last_layer import LAST_LAYER
from experiments.recipes.prune_only import PRUNE_ONLY
from experiments.recipes.prusc import PRUSC
from experiments.recipes.prusc_no_contrast import PRUSC_NO_CONTRAST
from experiments.recipes.prusc_random_clusters import PRUSC_RANDOM_CLUSTERS
from experiments.recipes.vrex import VREX

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
        IRM,
        VREX,
        GROUP_DRO_INFERRED,
        ERM_BALANCE,
        IRM_RANDOM,
        EIIL,
        ERM_POOLED,
        IRM_GIVEN,
        EIIL_ATTRIBUTE,
        ERM_GREY,
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
