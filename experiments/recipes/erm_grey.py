"""Oracle: ERM on images from which the colour was taken out by hand, so that there is no shortcut to take."""

from experiments.recipe import Recipe
from experiments.recipes.erm_pooled import stages

ERM_GREY = Recipe(
    name="erm-grey",
    title="ERM without colour",
    summary="Oracle: ERM on images without colour (data cmnist only): what there is to be had.",
    kind="oracle",
    stages=stages,
    fixed={"train.objective": "erm", "data.grey": True},
    preset="irm-demo",
    supervision="shortcut",
    data=("cmnist",),
)
