"""`prusc recipes`: what can be run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prusc_tui.cli.words import to_json

if TYPE_CHECKING:
    from experiments.plan import Plan

app = typer.Typer(help="What can be run: recipes and presets.", invoke_without_command=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def ls(context: typer.Context, json: Json = False) -> None:
    """List recipes and presets."""
    if context.invoked_subcommand is not None:
        return
    from experiments.plan import DEFAULT, get_preset, preset_names
    from experiments.recipes import RECIPES

    presets = [get_preset(name) for name in preset_names()]
    if json:
        typer.echo(
            to_json(
                {
                    "recipes": [
                        {
                            "name": r.name,
                            "summary": r.summary,
                            "stages": r.stage_names,
                            "attributes_used": "train" if r.trains_on_attributes else "none",
                        }
                        for r in RECIPES.values()
                    ],
                    "presets": [
                        {"name": p.name, "summary": p.summary, "recipe": p.settings["recipe"]} for p in presets
                    ],
                }
            )
        )
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column()
    table.add_row("recipes", "", style="bold")
    for recipe in RECIPES.values():
        table.add_row(recipe.name, recipe.summary)
    table.add_row()
    table.add_row("presets", "", style="bold")
    for preset in presets:
        table.add_row(preset.name, preset.summary + (" (the default)" if preset.name == DEFAULT else ""))
    console.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe or a preset.")],
    json: Json = False,
) -> None:
    """Show the stages and every setting of a recipe or preset, with unit, source and default."""
    from experiments.plan import make_plan

    plan = make_plan(name)
    if json:
        typer.echo(
            to_json(
                {
                    "name": name,
                    "recipe": plan.recipe.name,
                    "summary": plan.recipe.summary,
                    "stages": plan.recipe.stage_names,
                    "fixed": plan.recipe.fixed,
                    "config": plan.config.model_dump(mode="json"),
                }
            )
        )
        return
    _print_settings(plan)


def _print_settings(plan: "Plan") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from core.config import Config, differences

    console = Console(highlight=False)
    console.print(f"[bold]{plan.recipe.name}[/]  {escape(plan.recipe.summary)}")
    console.print("stages: " + " → ".join(plan.recipe.stage_names))
    changed = differences(plan.config, Config())
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for key, value, help_ in _settings(plan.config):
        style = "bold yellow" if key in changed else ""
        note = " (fixed by the recipe)" if key in plan.recipe.fixed else ""
        table.add_row(f"[{style or 'default'}]{key}[/]", escape(str(value)), escape(help_) + note)
    console.print(table)


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
