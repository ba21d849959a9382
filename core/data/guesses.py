"""What the columns of a table are: label, split and attributes, as far as they can be guessed (no torch)."""

from collections.abc import Mapping

import numpy as np

from core.data.draft import SPLIT_WORDS
from core.data.proposal import ProposalDraft, listed
from core.data.roles import (
    ATTRIBUTES,
    DIVISIONS,
    IGNORE,
    LABELS,
    NO_LABEL,
    Values,
    by_heading,
    divides,
    meanings,
)
from core.data.splits import SPLITS
from core.data.text import clean
from core.errors import InputError, nearest

MOST_LABELS, MOST_VALUES = 100, 20
"""A column with more values is probably not the label, or not an attribute."""
LINKED = 0.3
"""An attribute is guessed if it is associated with the label at least so closely (Cramér's V)."""
VALIDATION_SHARE = "0.15"


def find_label_and_split(draft: ProposalDraft, columns: list[Values], *, folders: bool) -> tuple[Values, Values | None]:
    """The column of the labels and that of the split, None without one; they are noted in the draft.

    Raises InputError if no column can be the label, or an answer does not fit.
    """
    names = {values.column.name: values for values in columns}
    split = _chosen_split(draft, columns, names)
    candidates = [values for values in columns if values is not split and len(values) > 1]
    repeated = [values for values in candidates if folders or len(values) < len(values.codes)]
    few = [values for values in repeated if folders or len(values) <= MOST_LABELS]
    # A coordinate or a target of regression may have any number of values, a class hardly.
    known = by_heading(few, LABELS) or by_heading(repeated, [word for word in LABELS if word not in ("y", "target")])
    if "label" in draft.answers:
        label = names[draft.ask("label", "", list(names), None)[0]]
    elif not (known or few):
        raise InputError("no column has two or more values that could be labels; name it with --label")
    elif folders and len(candidates) == 1:
        label = candidates[0]
    elif known and known[0].heading in LABELS[:5] and (len(known) == 1 or known[1].heading not in LABELS[:5]):
        label = known[0]
    else:
        guess = (known or few)[0]
        choices = [values.column.name for values in candidates]
        label = names[draft.ask("label", "which column is the label?", choices, (guess.column.name,))[0]]
    draft.settings["label_column"] = label.column.name
    draft.see("label", label)
    draft.notes += [*label.column.spellings(), *label.column.cases()]
    _ignored_labels(draft, label)
    return label, split


def _chosen_split(draft: ProposalDraft, columns: list[Values], names: Mapping[str, Values]) -> Values | None:
    if "split" in draft.answers:
        chosen = draft.ask("split", "", list(names), None)
        return names[chosen[0]] if chosen else None
    candidates = [values for values in columns if divides(values)]
    named = by_heading(candidates, DIVISIONS) or candidates
    if len(named) > 1:
        choices = [values.column.name for values in named]
        return names[draft.ask("split", "which column is the split?", choices, (choices[0],))[0]]
    return named[0] if named else None


def _ignored_labels(draft: ProposalDraft, label: Values) -> None:
    odd = [value for value in label.names if value.casefold() in NO_LABEL]
    others = [value for value in label.names if value not in odd and value != "-1"]
    # Of -1 and 1, or -1 and -2, it is a label like the other.
    if "-1" in label.names and len(others) > 1 and not any(value.startswith("-") for value in others):
        odd.append("-1")
    if odd or "ignore" in draft.answers:
        counts = ", ".join(f"{label.counts[value]:,} are {repr(value) if value else 'empty'}" for value in odd)
        ignored = draft.ask(
            "ignore", f"some labels are missing or uncertain: {counts}; leave out these rows?", (), odd, several=True
        )
        draft.settings["ignored_labels"] = ignored


def find_attributes(draft: ProposalDraft, columns: list[Values], label: Values) -> None:
    """Find the columns of the attributes, or ask for them; they are noted in the draft."""
    names = {values.column.name: values for values in columns}
    if "attributes" in draft.answers:
        chosen = [names[name] for name in draft.ask("attributes", "", list(names), None)]
    else:
        fit = [values for values in columns if 1 < len(values) <= MOST_VALUES and "" not in values.names]
        telling = [values for values in fit if label.follows_from(values)]
        for values in telling:
            draft.notes.append(
                f"column '{values.column.name}' gives the label away, so it is not proposed as an attribute"
            )
        fit = [values for values in fit if values not in telling]
        known = by_heading(fit, ATTRIBUTES)
        if len(known) == 1:
            chosen = known
        elif not fit:
            chosen = []
        else:
            links = {values.column.name: values.association(label) for values in fit}
            best = max(links, key=lambda name: links[name])
            guess = [known[0].column.name] if known else [best] * (links[best] >= LINKED)
            shares = ", ".join(f"{name} {link:.2f}" for name, link in links.items())
            question = f"which columns are attributes, for evaluation only? Association with the label: {shares}."
            chosen = [names[name] for name in draft.ask("attributes", question, list(links), guess, several=True)]
    if chosen:
        draft.settings["attribute_columns"] = tuple(values.column.name for values in chosen)
    else:
        draft.notes.append("no attribute: accuracy is given for each label only, as groups are unknown")
    for values in chosen:
        draft.see("attribute", values)
        draft.notes += [*values.column.spellings(), *values.column.cases()]


def find_splits(draft: ProposalDraft, split: Values | None, label: Values) -> None:
    """Find what the values of the split column mean, or ask for it; it is noted in the draft.

    Rows whose label is left out do not count: the test images of a competition have none.
    """
    used = None if split is None else _with_label(draft, split, label)
    if split is None or used is None:
        draft.settings["split_column"] = ""
        draft.notes.append("no split: 70 % training, 15 % validation and 15 % test are drawn at random in every group")
        return
    draft.settings["split_column"] = split.column.name
    draft.see("split", used)
    given = {
        key.removeprefix("split "): "".join(answer) for key, answer in draft.answers.items() if key[:6] == "split "
    }
    for value, name in given.items():
        if name not in (*SPLITS, IGNORE):
            choices = (*SPLITS, IGNORE)
            raise InputError(f"{value}={name}: '{name}' is not among {listed(choices)}{nearest(name, [*choices])}")
        if clean(value).casefold() not in map(str.casefold, split.names):
            raise InputError(f"{value}={name}: column '{split.column.name}' has no '{value}' ({listed(split.names)})")
    means: dict[str, str] = {}
    for value, meaning in meanings(list(used.counts), given).items():
        means[value] = meaning.split
        if not meaning.sure:
            (answer,) = draft.ask(
                f"split {value}",
                f"what does '{value}' mean in column '{split.column.name}' (rows: {used.counts[value]:,})?",
                (*SPLITS, IGNORE),
                (meaning.split,) if meaning.split else None,
            ) or ("",)
            means[value] = answer
    for name in (*SPLITS, IGNORE):
        values = [
            value for value, meant in means.items() if meant == name and SPLIT_WORDS.get(value.casefold()) != name
        ]
        if values:
            draft.settings["ignored_splits" if name == IGNORE else f"{name}_values"] = tuple(values)
    if "validation" not in means.values() and "" not in means.values():
        (share,) = draft.ask(
            "validation share",
            "no rows are for validation; which share of training should be drawn for it?",
            (),
            (VALIDATION_SHARE,),
        )
        draft.settings["validation_share"] = _share(share)


def _with_label(draft: ProposalDraft, split: Values, label: Values) -> Values | None:
    """The split of the rows whose label is not left out; None if they are all of one split, with a note."""
    ignored = {clean(value).casefold() for value in draft.settings.get("ignored_labels", ())}
    out = [number for number, name in enumerate(label.names) if name.casefold() in ignored]
    if not out:
        return split
    used = Values.of(split.column.take(np.flatnonzero(~np.isin(label.codes, out))))
    if len(used) > 1:
        return used
    only = "".join(used.names)
    draft.notes.append(f"column '{split.column.name}' is not used, as all rows with a label are '{only}'")
    return None


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f"validation share '{text}': expected a number between 0 and 1, such as {VALIDATION_SHARE}")
    return share
