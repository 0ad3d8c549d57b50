"""Which runs there are, and which do not count."""

import pandas as pd

from skinlib.book.words import many
from skinlib.models import NAMES

ERRATUM = (
    "Until 2026-11-26 the offsets of this book's deformable convolution never moved (chapter 2 "
    "says why). Every run of a network with that layer was thrown away, and made again."
)


def counted(runs: pd.DataFrame) -> str:
    """How many runs there are."""
    runs = runs[runs["data"] == "ham10000"]
    if runs.empty:
        return f"Not yet run: no network, on HAM10000. {ERRATUM}"
    sizes = runs["size"].value_counts().sort_index()
    parts = [f"{count} at {size} x {size} pixels" for size, count in sizes.items()]
    dead = int((runs["dead"] != "").sum())
    trainings = runs["run"].map(lambda run: tuple(run.history["loss"])).nunique()
    text = f"{many(len(runs), 'run')} on HAM10000: {', '.join(parts)}. "
    if trainings < len(runs):
        text += (
            f"They come from {many(trainings, 'training')}: some networks with batch "
            "normalisation are recorded twice, with running averages and with averages made anew. "
        )
    text += f"{many(dead, 'run')} marked dead." if dead else "None is marked dead."
    return f"{text} {not_run(runs)}".strip()


def not_run(runs: pd.DataFrame) -> str:
    """Which of the six networks have no run; nothing if all have."""
    missing = [NAMES[n] for n in NAMES if n not in set(runs["model"])]
    return f"Not yet run: {', '.join(missing)}." if missing else ""


def left_out(runs: pd.DataFrame) -> str:
    """The runs whose parts are dead, so that nothing is said of them; nothing if none are."""
    dead = runs[runs["dead"] != ""]
    listed = [f"{row.variant} ({row.dead})" for row in dead.itertuples()]
    return f"Left out, since a part of it is dead: {', '.join(listed)}." if listed else ""
