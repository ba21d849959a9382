"""Oracle: ERM on images from which the colour was taken out by hand, so that there is no shortcut to take."""

from core.config import Cmnist, Config
from core.errors import InputError
from experiments.recipe import Recipe
from experiments.recipes.erm_pooled import stages
from experiments.recipes.irm_given import STAGES


def check(config: Config) -> None:
    """See that the shortcut of the data can be taken out.

    Raises:
        InputError: it cannot.
    """
    if not isinstance(config.data, Cmnist):
        raise InputError(f"the shortcut of '{config.data.name}' cannot be taken out by hand; take --data cmnist-eta25")


ERM_GREY = Recipe(
    name="erm-grey",
    summary="Oracle: ERM on images without colour (data cmnist only): what there is to be had.",
    stage_names=STAGES,
    stages=stages,
    fixed={"train.objective": "erm", "data.grey": True},
    knows="shortcut",
    check=check,
)
