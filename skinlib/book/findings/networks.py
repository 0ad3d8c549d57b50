"""Table 1: the six networks beside the paper's numbers, and beside each other."""

import pandas as pd

from skinlib.book import evidence, verdict
from skinlib.book.words import interval, many, percent, span
from skinlib.experiments import AVERAGED
from skinlib.intervals import compare, interval_over_seeds, mean_over_seeds, show, unsure
from skinlib.models import NAMES


def gap(runs: pd.DataFrame, paper: float) -> str:
    """How the recipe as printed does on the paper's kind of split."""
    size = evidence.main_size(runs)
    found = evidence.live(runs, variant="proposed", split="random", size=size)
    if found.empty:
        return (
            "The recipe as printed, on a random split: not yet run. The paper has "
            f"{percent(paper, 2)}."
        )
    row = mean_over_seeds(found)
    points = 100 * (row["value"] - paper)
    where = "below" if points < 0 else "above"
    images = "the paper's 224 x 224 pixels"
    if size != 224:
        images = f"{size} x {size} pixels, not {images}"
    short = found["dtype"].astype(str).str.contains("16").all()
    return (
        f"As printed, the recipe reaches an accuracy of {interval(row)}, {abs(points):.1f} points "
        f"{where} the paper's {percent(paper, 2)}. That is the proposed network on a random "
        f"split, on images of {images}, over {many(len(found), 'run')}. Our images are squashed, "
        f"the paper's are *cropped*{', and we compute in 16 bits' if short else ''}. Always "
        f"answering nv gets {percent(evidence.NV)}."
    )


def larger(runs: pd.DataFrame, paper: float) -> str:
    """What images of the paper's size change, for the recipe as printed on a random split."""
    of_size = {}
    for size in verdict.PLACES.values():
        found = evidence.live(runs, variant="proposed", split="random", size=size)
        of_size[size] = found.groupby("seed")["accuracy"].mean()
    both = pd.DataFrame(of_size).dropna()
    if both.empty:
        return "What images of 224 x 224 pixels change: not yet run."
    large, small = both.mean()
    gain = interval_over_seeds(both[224] - both[64])
    return (
        f"The recipe as printed has an accuracy of {percent(large)} on images of 224 x 224 "
        f"pixels, and of {percent(small)} at 64 x 64. That is a change of "
        f"{show(gain, signed=True)} points over {many(len(both), 'pair')} of runs with the same "
        f"test images; the paper has {percent(paper, 2)}. (The larger images have more weights in "
        "the first dense layer, and ran on another machine.)"
    )


def repeated(runs: pd.DataFrame) -> str:
    """How far a training with the same seed and images can differ on another number of cores."""
    runs = evidence.live(runs, variant="proposed", size=evidence.LAPTOP)
    runs = runs.drop_duplicates(["split", "seed"]).set_index("seed")
    first, second = (runs[runs["split"] == split] for split in ("random", "peeked"))
    said = []
    for seed in first.index.intersection(second.index):
        pair = [of.loc[seed, "run"] for of in (first, second)]
        cores = [run.config["environment"]["cores"] for run in pair]
        values = [percent(of.loc[seed, "accuracy"]) for of in (first, second)]
        said.append(
            f"With seed {seed}, the recipe as printed was trained twice on the same images of "
            f"{evidence.LAPTOP} x {evidence.LAPTOP} pixels, on "
            f"{cores[0]} and on {many(cores[1], 'core')}: an accuracy of {values[0]} and of "
            f"{values[1]}. Chance, the cores and the version of the code are not told apart."
        )
    return " ".join(said) or "The same training twice: not yet run."


def table1(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> str:
    """How the six networks stand to the paper's table, and which are missing on either split."""
    ours, missing, fair = {}, [], evidence.renewed(runs)
    for model in paper.index:
        found = evidence.live(fair, variant=model, split="random", size=size)
        if found.empty:
            missing.append(NAMES[model])
        else:
            ours[model] = mean_over_seeds(found)["value"]
    if not ours:
        return f"At {size} x {size} pixels, no network of table 1 is run on a random split yet."
    ours = pd.Series(ours)
    gaps = 100 * (ours - paper["accuracy"]).dropna()
    count = f"{len(gaps)} of" if missing else "all"
    text = (
        f"At {size} x {size} pixels, {count} {len(paper)} networks are run on a random split: "
        f"their accuracy differs from the paper's by {span(gaps, 1, signed=True)} points."
    )
    if anew := evidence.made_anew(fair, size):
        text += f" ({anew}: with averages of batch normalisation made anew.)"
    if len(gaps) > 1:
        first, second = ours.nlargest(2).index
        lead = 100 * (ours[first] - ours[second])
        text += (
            f" The highest of ours is {NAMES[first]}, {lead:.1f} points above "
            f"{NAMES[second]}; whether that is sure, chapter 9 says."
        )
    grouped = set(evidence.live(fair, split="grouped", size=size)["variant"])
    waiting = [NAMES[model] for model in ours.index if model not in grouped]
    if waiting:
        text += f" Not yet run on a grouped split at this size: {', '.join(waiting)}."
    return text + (f" Not yet run: {', '.join(missing)}." if missing else "")


def averages(table: pd.DataFrame) -> str:
    """What the running averages of batch normalisation do to a score.

    `table`: columns `epoch`, `images`, `averages` ("running" or "new") and `accuracy`.
    """
    of = table.pivot(index="epoch", columns=["images", "averages"], values="accuracy")
    late = of[of.index > of.index.max() / 2]

    def spread(images: str, kind: str) -> str:
        return f"{span(100 * late[images, kind], 1)} %"

    return (
        f"In the second half of its {len(of)} epochs, ARL14 with its running averages has an "
        f"accuracy of {spread('validation', 'running')} on the validation part, from epoch to "
        f"epoch. With averages made anew, and the same weights, it has "
        f"{spread('validation', 'new')}. On images that it was trained on: "
        f"{spread('training', 'running')}, and {spread('training', 'new')}."
    )


def renewed(runs: pd.DataFrame, size: int) -> str:
    """What new averages make of table 1's networks with batch normalisation, weights unchanged."""
    runs = evidence.live(runs, split="random", size=size)
    said = []
    for model in AVERAGED:
        pair = [runs[runs["variant"] == model + end]["accuracy"] for end in evidence.ENDS]
        if all(map(len, pair)):
            spans = [f"{span(100 * of, 1)} %" for of in pair]
            said.append(f"{NAMES[model]} {spans[0]}, and {spans[1]} with new averages")
    if not said:
        return "The networks of table 1 with new averages: not yet run."
    return (
        f"The accuracy on the test images of a random split, {size} x {size} pixels, seed by "
        f"seed: {'; '.join(said)}."
    )


def rivals(runs: pd.DataFrame) -> str:
    """Which rivals the proposed network surely beats in table 1, and which it does not."""
    found = verdict.baselines(evidence.renewed(runs), evidence.RIVALS)
    missing = [NAMES[rival] for rival in found if not found[rival].numbers]
    found = {rival: answer for rival, answer in found.items() if answer.numbers}
    if not found:
        return "How the proposed network stands to its rivals: not yet run often enough."
    beaten = []
    for rival, answer in found.items():
        scores = [name for name, row in answer.numbers.items() if compare(row) == "better"]
        if scores:
            beaten.append(f"{NAMES[rival]} (in {', '.join(scores)})")
    pairs = many(min(answer.pairs for answer in found.values()), "pair")
    text = (
        f"Of {many(len(found), 'rival')} the network surely beats {', '.join(beaten) or 'none'}, "
        f"with {pairs} of trainings each, if you correct for {len(evidence.RIVALS)} rivals and "
        "take each score by itself."
    )
    return text + (f" Not yet run often enough: {', '.join(missing)}." if missing else "")


def leads(runs: pd.DataFrame, paper: pd.DataFrame) -> str:
    """Which of the paper's leads in accuracy our runs rule out, corrected for all rivals."""
    theirs = paper.loc["proposed", "accuracy"] - paper["accuracy"].drop("proposed")
    fair = evidence.renewed(runs)
    answer = verdict.above(fair, theirs.index, "accuracy", leads=theirs)
    rows = answer.numbers
    if not rows:
        return "The leads in accuracy: not yet run often enough."
    said = [
        f"{NAMES[rival]} {100 * theirs[rival]:.1f}, ours {show(row, signed=True)}"
        for rival, row in rows.items()
    ]
    anew = evidence.made_anew(fair, verdict.PLACES[answer.place])
    ruled_out = [NAMES[r] for r, row in rows.items() if compare(row) != "undecided"]
    return (
        "The paper's leads in accuracy, in points, and how far ours lie above them: "
        f"{'; '.join(said)}. So our runs rule out its lead over {', '.join(ruled_out) or 'none'}; "
        "the paper's own doubt is not counted."
        + (f" ({anew}: with averages of batch normalisation made anew.)" if anew else "")
    )


def against_rivals(runs: pd.DataFrame, column: str, words: str) -> str:
    """How the proposed network stands to each rival in one column, corrected for all of them."""
    answer = verdict.above(evidence.renewed(runs), evidence.RIVALS, column)
    if not answer.numbers:
        return f"The networks' {words}: not yet run often enough."
    listed = [
        f"{NAMES[rival]} {show(row, signed=True)}{unsure(row)}"
        for rival, row in answer.numbers.items()
    ]
    answers = [compare(row) for row in answer.numbers.values()]
    return (
        f"In {words} ({answer.place} pixels, random split) the proposed network is surely ahead of "
        f"{answers.count('better')} of {len(listed)} rivals, and surely behind "
        f"{answers.count('worse')}. By how many points it is ahead: {'; '.join(listed)}."
    )
