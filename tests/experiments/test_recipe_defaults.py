"""Settings that a recipe prefers: below those of the preset and of the user."""

import pytest

from experiments.plan import make_plan, resolve
from experiments.recipes import RECIPES


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].defaults])
def test_a_recipe_uses_its_defaults_and_the_user_may_override_them(name):
    recipe = RECIPES[name]
    plan = make_plan(name)
    for key, value in recipe.defaults.items():
        section, _, setting = key.partition(".")
        assert getattr(getattr(plan.config, section), setting) == value
    assert plan.overrides == {}


def test_the_finder_of_jtt_is_a_default_and_no_more():
    assert make_plan("jtt").recipe.stage_names(make_plan("jtt").config) == ("erm", "errors", "find", "retrain")
    other = make_plan("jtt", overrides=["find.by=biased"])
    assert other.recipe.stage_names(other.config) == ("erm", "biased", "find", "retrain")
    of_preset = resolve({"recipe": "jtt", "find": {"by": "clusters"}}, [], None)
    assert of_preset.config.find.by == "clusters"
