"""Oracle: ERM on images without colour, so that there is no shortcut."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.erm_pooled import stages

ERM_GREY = Recipe(
    name="erm-grey",
    title="ERM without colour",
    summary="Oracle: ERM on images without colour (data cmnist only): the upper bound.",
    kind="oracle",
    equations=(equations.ERM,),
    source=f"ERM without the shortcut, as in {equations.PAPER_IRM}",
    stages=stages,
    fixed={"train.objective": "erm", "data.grey": True},
    preset="irm-demo",
    supervision="shortcut",
    data=("cmnist",),
)
