"""Oracle: ERM on images from which the colour was taken out by hand, so that there is no shortcut to take."""

from experiments.recipe import Recipe
from experiments.recipes.erm_pooled import stages
from experiments.recipes.irm_given import STAGES

ERM_GREY = Recipe(
    name="erm-grey",
    summary="Oracle: ERM on images without colour (data cmnist only): what there is to be had.",
    stage_names=STAGES,
    stages=stages,
    fixed={"train.objective": "erm", "data.grey": True},
    preset="irm-demo",
    supervision="shortcut",
    data=("cmnist",),
)
