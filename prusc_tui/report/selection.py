"""The checkpoint that each selection rule would choose, and what the rule uses."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from core.events import Selected
from core.words import percent
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap

IN_FORCE, OTHER = "●", "○"


def selection(stages: Sequence[str], selected: Mapping[str, Selected], width: int, palette: Palette) -> list[Text]:
    """Rules down, stages across: the step that each rule chooses, and its validation accuracy."""
    shown = [stage for stage in stages if stage in selected]
    if not shown:
        return []
    rules = list(dict.fromkeys(rule for stage in shown for rule in selected[stage].picks))
    uses = {rule: _uses(selected, shown, rule) for rule in rules}
    label = min(2 + max(map(len, rules)), max(10, width // 3))
    steps = max(len(f"{pick['step']:,}") for stage in shown for pick in selected[stage].picks.values())
    beside = max(map(len, uses.values())) + 2
    below = width - label - beside < (steps + 7) * len(shown)
    column = min(16, (width - label - (0 if below else beside)) // len(shown))
    head = ink(" " * label)
    for stage in shown:
        head.append_text(fit(shorten(safe(stage), column - 2), column, palette.text, right=True))
    lines = [heading("Checkpoints", f"on validation, {IN_FORCE} used", width, palette)]
    lines.append(fit(head if below else head.append("  uses", palette.muted), width))
    for rule in rules:
        force = any(selected[stage].rule == rule for stage in shown)
        tint = palette.text if force else palette.muted
        line = ink(f"{IN_FORCE if force else OTHER} ", palette.accent if force else palette.muted)
        line.append_text(fit(shorten(safe(rule), label - 2), label - 2, f"bold {tint}" if force else tint))
        for stage in shown:
            line.append_text(fit(_pick(selected[stage], rule, column >= steps + 6, palette, tint), column, right=True))
        lines.append(fit(line if below else line.append(f"  {uses[rule]}", palette.muted), width))
    return lines + (wrap(ink(_together(uses), palette.muted), width) if below else [])


def _uses(selected: Mapping[str, Selected], stages: Sequence[str], rule: str) -> str:
    uses = {str(selected[stage].picks[rule].get("uses", "")) for stage in stages if rule in selected[stage].picks}
    return ", ".join(safe(text.removeprefix("validation ")) for text in sorted(uses)) or "–"


def _together(uses: Mapping[str, str]) -> str:
    """Return a sentence: what the rules use, those with the same use together."""
    by_use: dict[str, list[str]] = {}
    for rule, use in uses.items():
        by_use.setdefault(use, []).append(safe(rule))
    parts = [f"{', '.join(rules)} {'uses' if len(rules) == 1 else 'use'} {use}" for use, rules in by_use.items()]
    return "; ".join(parts) + "."


def _pick(selected: Selected, rule: str, values: bool, palette: Palette, tint: str) -> Text:
    pick = selected.picks.get(rule)
    if pick is None:
        return ink("–", palette.muted)
    step = f"{pick['step']:,}"
    # The rule `last` uses no number.
    value = "" if rule == "last" else percent(pick["value"])
    return ink(step, palette.muted).append_text(fit(value, 5, tint, right=True)) if values else ink(step, tint)
