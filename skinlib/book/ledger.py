"""How chapter 9 shows its verdicts, and the first page what was found."""

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from skinlib.book.verdict import PLACES, Kind, Verdict
from skinlib.intervals import compare
from skinlib.models import NAMES

SIGNS = {
    Kind.REPRODUCED: ("✓", "#00594c"),
    Kind.PARTLY: ("◐", "#6b4e00"),
    Kind.NOT_REPRODUCED: ("✗", "#a1260d"),
    Kind.UNDECIDED: ("?", "#4a5560"),
    Kind.NOT_RUN: ("…", "#4a5560"),
    Kind.NOT_TESTABLE: ("–", "#4a5560"),
}
"""A sign, and the colour behind it: white is legible on each."""

MOST = 3
"""So many numbers are written out; more are counted."""


def badge(kind: Kind) -> str:
    """A verdict with its sign and colour, as HTML."""
    sign, colour = SIGNS[kind]
    style = f"background: {colour}; color: white; padding: 0.1em 0.5em; border-radius: 0.4em"
    return f'<span style="{style}; white-space: nowrap">{sign} {kind}</span>'


def ledger(claims: Mapping[str, Verdict], whose: str = "the paper's claim") -> HTML:
    """A table of claims, their verdicts, and what they rest on.

    Args:
        claims: the words, shortened -> the verdict.
        whose: head of the first column.
    """
    rows = []
    for claim, answer in claims.items():
        counted = "; ".join(f"{what}: {n}" for what, n in answer.evidence.items() if n)
        if answer.place in PLACES:
            counted = f"judged at {answer.place}; {counted}"
        lines = [escape(line) for line in numbers(answer)]
        if counted:
            lines.append(f"<small>{escape(counted)}</small>")
        cells = [_cell("td", badge(answer.kind)), _cell("td", "<br/>".join(lines))]
        name = _cell("th", escape(claim), ' scope="row" width="38%"')
        rows.append(f"<tr>{name}{''.join(cells)}</tr>")
    names = (whose, "verdict", "our numbers")
    heads = "".join(_cell("th", name, ' scope="col"') for name in names)
    head = f"<thead><tr>{heads}</tr></thead>"
    return HTML(f'<table style="width: 100%">{head}<tbody>{"".join(rows)}</tbody></table>')


def _cell(tag: str, html: str, scope: str = "") -> str:
    return f'<{tag}{scope} style="{LEFT}">{html}</{tag}>'


LEFT = "text-align: left; vertical-align: top; font-weight: normal; padding: 0.4em 0.6em"


def numbers(answer: Verdict) -> list[str]:
    """A verdict's numbers, one line each; counted where there are many."""
    if len(answer.numbers) > MOST:
        found = Counter(compare(row) for row in answer.numbers.values())
        total = len(answer.numbers)
        return [f"better in {found['better']} of {total}, worse in {found['worse']}"]
    return answer.lines


def tally(groups: Mapping[str, Mapping[str, Verdict]]) -> str:
    """How many claims got which verdict; `groups`: name -> claims, see `ledger`."""
    found = Counter(answer.kind for group in groups.values() for answer in group.values())
    counts = []
    for kind in SIGNS:
        if found[kind]:
            done = " reproduced" if kind == Kind.PARTLY else ""
            counts.append(f"{found[kind]} {'is' if found[kind] == 1 else 'are'} {kind}{done}")
    return f"Of {found.total()} claims of the paper, {', '.join(counts)}."


def conclusion(groups: Mapping[str, Mapping[str, Verdict]]) -> str:
    """`tally`, by which images the verdicts were drawn, and which group holds what, in Markdown."""
    claims = {claim: answer for group in groups.values() for claim, answer in group.items()}
    text = tally(groups)
    places = Counter(answer.place for answer in claims.values())
    elsewhere = [("64 x 64", "images of 64 x 64 pixels"), ("phantom", "the phantom")]
    said = [f"by {words}: {places[place]}" for place, words in elsewhere if places[place]]
    if said:
        text += f" Not decided by the paper's 224 x 224 pixels, but {'; '.join(said)}."
    for kind, words in (
        (Kind.REPRODUCED, "Holds"),
        (Kind.PARTLY, "Holds in part"),
        (Kind.NOT_REPRODUCED, "Does not hold"),
    ):
        held = [claim for claim, answer in claims.items() if answer.kind == kind]
        if held:
            text += f"\n\n**{words}:** {'; '.join(held)}."
    waiting = [
        f"{name} ({sum(a.kind in WAITING for a in group.values())} of {len(group)})"
        for name, group in groups.items()
        if any(a.kind in WAITING for a in group.values())
    ]
    if waiting:
        why = "for want of runs, for their scatter, or since the effect is small"
        text += f"\n\n**Open, {why}:** {', '.join(waiting)}."
    return text


def forest(groups: Mapping[str, Mapping[str, Verdict]]) -> pd.DataFrame:
    """The numbers that verdicts rest on, as shares from where the claim turns.

    A score counts from the paper's, a difference from where its claim turns (zero, or `turns`); of
    several the one whose interval reaches lowest. Left out: how many times as much something
    costs, and verdicts whose numbers are counted.

    Args:
        groups: as in `conclusion`.

    Returns:
        What `figures.experiments.claims` draws: one row per claim.
    """
    rows = {}
    for claims in groups.values():
        for claim, answer in claims.items():
            if not answer.numbers or answer.unit == "times" or len(answer.numbers) > MOST:
                continue
            sign, colour = SIGNS[answer.kind]
            name, row = min(answer.numbers.items(), key=lambda item: item[1]["low"])
            turns = row.get("paper", row.get("turns", 0))
            ends = {end: row[end] - turns for end in ("value", "low", "high")}
            rows[f"{sign} {claim}: {NAMES.get(name, name)}"] = {**ends, "colour": colour}
    return pd.DataFrame.from_dict(rows, "index", columns=["value", "low", "high", "colour"])


WAITING = (Kind.UNDECIDED, Kind.NOT_RUN)


def sentences(found: Sequence[str]) -> HTML:
    """A list of findings that another page may show; the first sentence of each is its head.

    *Stars* make words italic.
    """
    rows = []
    for sentence in found:
        parts = escape(sentence).replace(" %", "&nbsp;%").split("*")
        marked = [f"<em>{p}</em>" if i % 2 else p for i, p in enumerate(parts)]
        head, end, rest = "".join(marked).partition(". ")
        rows.append(f"<li><strong>{head}{'.' * bool(end)}</strong>{' ' * bool(end)}{rest}</li>")
    return HTML(f"<ol>{''.join(rows)}</ol>")


def picture(figure: Figure, alt: str) -> HTML:
    """A figure that another page may show, with its alternative text."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=200)
        plt.close(figure)
        pixels = base64.b64encode(file.getvalue()).decode()
    width = int(100 * figure.get_figwidth())
    style = f"display: block; margin: 0 auto; width: {width}px; max-width: 100%"
    look = f'class="lines" style="{style}" alt="{escape(alt)}"'
    return HTML(f'<img {look} src="data:image/png;base64,{pixels}"/>')
