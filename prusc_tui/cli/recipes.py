"""`prusc recipes`: what can be run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prusc_tui.cli.options import Json
from prusc_tui.words import console, print_json

if TYPE_CHECKING:
    from experiments.plan import Plan

app = typer.Typer(help="What can be run: recipes, finders, presets and studies.", invoke_without_command=True)


@app.callback()
def ls(context: typer.Context, json: Json = False) -> None:
    """List recipes, finders of pseudo-groups (find.by), presets and studies."""
    if context.invoked_subcommand is not None:
        return
    from experiments.catalog import DEFAULT, get_preset, get_study, preset_names, study_names
    from experiments.finders import choices
    from experiments.recipes import RECIPES

    studies = [get_study(name) for name in study_names()]
    presets = [get_preset(name) for name in preset_names()]
    if json:
        print_json(
            recipes=[
                {"name": r.name, "summary": r.summary, "stages": r.stage_names(), "attributes_used": r.supervision}
                for r in RECIPES.values()
            ],
            finders=[{"name": name, "summary": summary} for name, summary in choices().items()],
            presets=[{"name": p.name, "summary": p.summary, "recipe": p.settings["recipe"]} for p in presets],
            studies=[
                {"name": s.name, "summary": s.summary, "recipes": s.recipes, "presets": s.presets} for s in studies
            ],
        )
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column()
    groups: list[tuple[str, Mapping[str, str]]] = [
        ("recipes", {recipe.name: recipe.summary for recipe in RECIPES.values()}),
        ("finders (find.by)", choices()),
        ("presets", {p.name: p.summary + " (the default)" * (p.name == DEFAULT) for p in presets}),
        ("studies", {study.name: study.summary for study in studies}),
    ]
    for title, found in groups:
        if table.rows:
            table.add_row()
        table.add_row(title, "", style="bold")
        for name, summary in found.items():
            table.add_row(name, summary)
    console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe, a preset or a study.")], json: Json = False
) -> None:
    """Show the stages and every setting of a recipe or preset, with unit, source and default; or a study's runs."""
    from experiments.catalog import get_study, study_names
    from experiments.plan import make_plan

    if name in study_names():
        from prusc_tui.cli.study import print_study

        print_study(get_study(name), json)
        return
    plan = make_plan(name)
    if json:
        print_json(
            name=name,
            recipe=plan.recipe.name,
            summary=plan.recipe.summary,
            stages=plan.recipe.stage_names(plan.config),
            equations=plan.recipe.equations,
            source=plan.recipe.source,
            fixed=plan.recipe.fixed,
            config=plan.config.model_dump(mode="json"),
        )
        return
    _print_settings(plan)


def _print_settings(plan: "Plan") -> None:
    from rich.padding import Padding
    from rich.text import Text

    from core.config import config_model, differences

    out = console()
    out.print(Text.assemble((plan.recipe.name, "bold"), "  ", plan.recipe.summary))
    out.print(Text("stages: " + " → ".join(plan.recipe.stage_names(plan.config))))
    for equation in plan.recipe.equations:
        out.print(Padding(Text(equation, "dim"), (0, 0, 0, 4), expand=False))
    if plan.recipe.source:
        out.print(Text("source: " + plan.recipe.source))
    changed = differences(plan.config, config_model()())
    for key, value, help_ in _settings(plan.config):
        line = Text.assemble((key, "bold yellow" if key in changed else "bold"), f" = {value}")
        if key in plan.recipe.fixed:
            line.append("  fixed by the recipe", "yellow")
        out.print(line)
        if help_:
            out.print(Padding(Text(help_, "dim"), (0, 0, 0, 4), expand=False))


def _settings(config: Any) -> list[tuple[str, Any, str]]:
    """Every setting as (dotted key, value, help)."""
    from core.config import Section

    rows = []
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Section):
            rows += [(f"{name}.{key}", inner, help_) for key, inner, help_ in _settings(value)]
        else:
            rows.append((name, value, " ".join((info.description or "").split())))
    return rows
