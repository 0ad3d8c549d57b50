"""What the chapters 7 to 9 and the first page say of the runs, in sentences.

Each sentence is computed, leads with what was found, and names what was not yet run. `runs` is what
`skinlib.runs.load` returns.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from skinlib.book import evidence, verdict
from skinlib.book.evidence import RENEWED
from skinlib.book.joint_loss import focal_share
from skinlib.book.moving.experiments import TIMES, decided
from skinlib.data.dataset import CLASSES, Dataset
from skinlib.experiments import AVERAGED
from skinlib.intervals import (
    compare,
    equivalence,
    mean_over_seeds,
    paired_difference,
    show,
    t_interval,
    unsure,
)
from skinlib.runs import Run
from skinlib.scores import confusion_matrix, per_class, score_values
from skinlib.training.recipe import Recipe

ERRATUM = (
    "Until 2026-11-26 the offsets of this book's deformable convolution never moved (chapter 2 "
    "says why). Every run of a network with that layer was thrown away, and made again."
)


def say(*sentences: str) -> Markdown:
    """Sentences as paragraphs of a page."""
    return Markdown("\n\n".join(sentences).replace(" %", "&nbsp;%"))


def counted(runs: pd.DataFrame) -> str:
    """How many runs there are."""
    runs = runs[runs["data"] == "ham10000"]
    if runs.empty:
        return f"Not yet run: no network, on HAM10000. {ERRATUM}"
    sizes = runs["size"].value_counts().sort_index()
    parts = [f"{count} at {size} x {size} pixels" for size, count in sizes.items()]
    dead = int((runs["dead"] != "").sum())
    keys = ["variant", "size", "split", "seed"]
    new = runs["variant"].str.endswith(RENEWED)
    once = runs[new].assign(variant=runs["variant"].str.removesuffix(RENEWED))[keys]
    trainings = len(runs) - len(once.merge(runs[~new][keys].drop_duplicates()))
    text = f"{_many(len(runs), 'run')} on HAM10000: {', '.join(parts)}. "
    if trainings < len(runs):
        text += (
            f"They come from {_many(trainings, 'training')}: some networks with batch "
            "normalisation are recorded twice, with running averages and with averages made anew. "
        )
    text += f"{_many(dead, 'run')} marked dead." if dead else "None is marked dead."
    return f"{text} {not_run(runs)}".strip()


def not_run(runs: pd.DataFrame) -> str:
    """Which of the six networks have no run; nothing if all have."""
    missing = [evidence.NAMES[n] for n in evidence.NAMES if n not in set(runs["model"])]
    return f"Not yet run: {', '.join(missing)}." if missing else ""


def alive(runs: pd.DataFrame) -> str:
    """Whether the parts of the proposed network did anything."""
    runs = _proposed(runs)
    if runs.empty:
        return "Vital signs of the proposed network: not yet run."
    share = _span(100 * runs["dead_relu"], 0)
    return f"{offsets(runs)} {gamma(runs)} {share} % of the ReLU units are zero on all images."


def offsets(runs: pd.DataFrame) -> str:
    """How far the deformable convolution's offsets moved."""
    runs = _proposed(runs).dropna(subset="offset_mean")
    if runs.empty:
        return "How far the offsets move on HAM10000: not yet run."
    moved, size = int((runs["offset_p95"] > 0).sum()), int(runs["size"].iloc[0])
    hardly = ", but hardly: the points stay near the fixed grid"
    text = (
        f"The offsets moved in {moved} of {_many(len(runs), 'network')} on HAM10000 at "
        f"{size} x {size} pixels{hardly if runs['offset_p95'].max() < 0.5 else ''}. Offsets are "
        f"{_span(runs['offset_mean'], 2)} pixels of the layer's small map long, on average over a "
        "network (one such pixel is as wide as 16 of the image); 95 % of them stay below "
        f"{_span(runs['offset_p95'], 2)} pixels, network by network."
    )
    asked = runs.dropna(subset="outside")
    if asked.empty:
        return text
    return (
        f"{text} {_span(100 * asked['outside'], 0)} % of the sampling points lie outside the map, "
        f"where they read zero (measured in {_many(len(asked), 'network')})."
    )


def gamma(runs: pd.DataFrame) -> str:
    """What became of the attention: gamma, and where alpha lies."""
    runs = _proposed(runs).dropna(subset="gamma")
    if runs.empty:
        return "What becomes of gamma on HAM10000: not yet run."
    size = int(runs["size"].iloc[0])
    even = np.mean([run.config["vital_signs"]["attention"]["uniform"] for run in runs["run"]])
    top = runs["attention_top_tenth"]
    return (
        f"Gamma started at 0.01 and ended at {_span(runs['gamma'], 3)}. "
        f"{'The attention hardly chooses: ' if top.mean() < 1.5 * even else ''}"
        f"{_span(100 * top, 1)} % of alpha lie on its top tenth of places, where an even map has "
        f"{_percent(even)} ({size} x {size} pixels)."
    )


def _proposed(runs: pd.DataFrame) -> pd.DataFrame:
    size = evidence.main_size(runs)
    runs = runs[(runs["data"] == "ham10000") & (runs["model"] == "proposed")]
    return runs[runs["split"].isin(evidence.BOTH) & (runs["size"] == size)]


def gap(runs: pd.DataFrame, paper: float) -> str:
    """How the recipe as printed does on the paper's kind of split."""
    size = evidence.main_size(runs)
    found = evidence.live(runs, variant="proposed", split="random", size=size)
    if found.empty:
        return (
            "The recipe as printed, on a random split: not yet run. The paper has "
            f"{_percent(paper, 2)}."
        )
    row = mean_over_seeds(found)
    points = 100 * (row["value"] - paper)
    where = "below" if points < 0 else "above"
    images = "the paper's 224 x 224 pixels"
    if size != 224:
        images = f"{size} x {size} pixels, not {images}"
    short = found["dtype"].astype(str).str.contains("16").all()
    return (
        f"As printed, the recipe reaches an accuracy of {_interval(row)}, {abs(points):.1f} points "
        f"{where} the paper's {_percent(paper, 2)}. That is the proposed network on a random "
        f"split, on images of {images}, over {_many(len(found), 'run')}. Our images are squashed, "
        f"the paper's are *cropped*{', and we compute in 16 bits' if short else ''}. Always "
        f"answering nv gets {_percent(evidence.NV)}."
    )


def table1(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> str:
    """How the six networks stand to the paper's table, and which are missing."""
    ours, missing, fair = {}, [], evidence.renewed(runs)
    for model in paper.index:
        found = evidence.live(fair, variant=model, split="random", size=size)
        if found.empty:
            missing.append(evidence.NAMES[model])
        else:
            ours[model] = mean_over_seeds(found)["value"]
    if not ours:
        return f"At {size} x {size} pixels, no network of table 1 is run on a random split yet."
    ours = pd.Series(ours)
    gaps = 100 * (ours - paper["accuracy"]).dropna()
    count = f"{len(gaps)} of" if missing else "all"
    text = (
        f"At {size} x {size} pixels, {count} {len(paper)} networks are run on a random split: "
        f"their accuracy differs from the paper's by {_span(gaps, 1, signed=True)} points."
    )
    if evidence.live(runs, split="random", size=size)["variant"].str.endswith(RENEWED).any():
        text += " (Networks with batch normalisation count with averages made anew.)"
    if len(gaps) > 1:
        first, second = ours.nlargest(2).index
        lead = 100 * (ours[first] - ours[second])
        text += (
            f" The highest of ours is {evidence.NAMES[first]}, {lead:.1f} points above "
            f"{evidence.NAMES[second]}; whether that is sure, chapter 9 says."
        )
    return text + (f" Not yet run: {', '.join(missing)}." if missing else "")


def averages(table: pd.DataFrame) -> str:
    """What the running averages of batch normalisation do to a score.

    `table`: columns `epoch`, `images`, `averages` ("running" or "new") and `accuracy`.
    """
    of = table.pivot(index="epoch", columns=["images", "averages"], values="accuracy")
    late = of[of.index > of.index.max() / 2]

    def spread(images: str, kind: str) -> str:
        return f"{_span(100 * late[images, kind], 1)} %"

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
            spans = [f"{_span(100 * of, 1)} %" for of in pair]
            said.append(f"{evidence.NAMES[model]} {spans[0]}, and {spans[1]} with new averages")
    if not said:
        return "The networks of table 1 with new averages: not yet run."
    return (
        f"The accuracy on the test images of a random split, {size} x {size} pixels, seed by "
        f"seed: {'; '.join(said)}."
    )


def leak(runs: pd.DataFrame, size: int) -> str:
    """What a random split adds to the scores."""
    table = verdict.leak(runs, size)
    seeds, networks = (int(table[name].iloc[0]) for name in ("seeds", "networks"))
    if not seeds:
        return "What the leak is worth: not yet run (it takes a network on both splits)."
    said = []
    for name in ("accuracy", "balanced accuracy"):
        row = table.loc[name]
        said.append(f"{show(row, signed=True)} points to the {name}{unsure(row)}")
    return (
        f"At {size} x {size} pixels a random split adds {', and '.join(said)}. That is the mean "
        f"over {_many(seeds, 'seed')} of {_many(networks, 'network')} or variants; the test images "
        "differ."
    )


def relatives(runs: pd.DataFrame, size: int) -> str:
    """What it is worth that another image of the lesion was trained on, on the same images."""
    table = evidence.relatives(runs, size)
    if table.empty or table["value"].iloc[:-1].isna().any():
        return "What a relative among the training images is worth: not yet run."
    *_, leaked, control, gain, over_splits = (row for _, row in table.iterrows())

    def counts(row: Mapping[str, float]) -> str:
        return f"{row['images']:.0f} images of {row['lesions']:.0f} lesions"

    text = (
        f"Take images that are not nv and lie in the test sets of both kinds of split ({size} x "
        f"{size} pixels). If another image of the lesion was trained on, networks of a random "
        f"split are right {show(leaked, signed=True)} points more often than those of a split by "
        f"lesion ({counts(leaked)}). If none was, nothing can leak, and the number is "
        f"{show(control, signed=True)} ({counts(control)}). The first lies "
        f"{show(gain, signed=True)} points above the second{unsure(gain)}, with an interval over "
        "lesions"
    )
    if np.isfinite(over_splits["low"]):
        text += (
            f"; with one over the random splits and their trainings, "
            f"{show(over_splits, signed=True)}{unsure(over_splits)}"
        )
    return text + "."


def leak_in_short(runs: pd.DataFrame) -> str:
    """What a relative among the training images is worth, at each size, for the first page."""
    said, sure = [], []
    for place, size in verdict.PLACES.items():
        table = evidence.relatives(runs, size)
        if len(table) and not np.isnan(table["low"].iloc[-2]):
            *_, gain, over_splits = (row for _, row in table.iterrows())
            if compare(over_splits) == "better":
                sure.append(place)
            words = f"{show(gain, signed=True)} points at {place} pixels with an interval over "
            words += f"lesions{unsure(gain)}"
            if not np.isnan(over_splits["low"]):
                words += f", and {show(over_splits, signed=True)} with one over trainings"
                words += unsure(over_splits)
            said.append(words)
    if not said:
        return "What a relative among the training images is worth: not yet run."
    lead = "What images of one lesion on both sides of a split are worth is not sure"
    if sure:
        lead = "Images of one lesion on both sides of a split flatter a network"
        lead += "" if len(sure) == len(said) else f", surely at {sure[0]} pixels"
    return (
        f"{lead}. A random split has such images. If a test image is not nv, another one of its "
        f"lesion among the training images is worth {'; '.join(said)}."
    )


def new_images(runs: pd.DataFrame) -> str:
    """How the proposed network does on ISIC 2018's test set."""
    table = evidence.new_images(runs)
    table = table[(table["network"] == "proposed") & (table["split"] == "grouped")]
    table = table[table["size"] == evidence.main_size(runs)]
    if table.empty:
        return "The proposed network on the ISIC 2018 test set: not yet run on a grouped split."
    said = []
    for name in ("balanced accuracy", "accuracy"):
        own, other = table[name], table[f"isic {name}"]
        change = t_interval(other - own)
        said.append(
            f"{name} changes by {show(change, signed=True)} points{unsure(change)} "
            f"({_percent(own.mean())} on its own test set, {_percent(other.mean())} there)"
        )
    return (
        f"On new images, the ISIC 2018 test set, the proposed network's {'; its '.join(said)}; "
        f"{_many(len(table), 'run')} on the grouped split."
    )


def parts(
    runs: pd.DataFrame,
    names: Sequence[str] = tuple(verdict.PARTS),
    columns: Sequence[str] = verdict.PAPER_SCORES,
) -> str:
    """Which of these parts helps, by chapter 9's rule: in the paper's scores or in one."""
    scores = columns[0] if len(columns) == 1 else "all three scores"
    said = []
    for part, answer in verdict.parts(runs, names, columns).items():
        name = f"{'' if part == 'attention' else 'the '}{PART_NAMES.get(part, part)}"
        seen = max(count for what, count in answer.evidence.items() if what.startswith("pairs"))
        words = EFFECTS.get(answer.kind, "").format(scores) + _none_as_large(answer, columns)
        if not answer.numbers:
            words = f"waits for {verdict.PAIRS} pairs of runs, of which it has {seen}"
        said.append(f"{name} {words}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _none_as_large(answer: verdict.Verdict, columns: Sequence[str]) -> str:
    """In which of the scores an effect that is not sure is worth less than the margin."""
    if answer.kind != verdict.Kind.UNDECIDED:
        return ""
    small = [
        name
        for name, row in answer.numbers.items()
        if equivalence(row, 0, verdict.MARGIN) == "equivalent"
    ]
    if not small:
        return ""
    where = "" if len(small) == len(columns) else f" in {' and '.join(small)}"
    return f", and any is below {100 * verdict.MARGIN:.0f} points either way{where}"


PART_NAMES = {"deformable": "deformable convolution"}
EFFECTS = {
    "reproduced": "helps in {}",
    "partly": "helps in some of the three scores",
    "not reproduced": "does harm",
    "undecided": "has no effect that is sure",
}


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
    gain = t_interval(both[224] - both[64])
    return (
        f"The recipe as printed has an accuracy of {_percent(large)} on images of 224 x 224 "
        f"pixels, and of {_percent(small)} at 64 x 64. That is a change of "
        f"{show(gain, signed=True)} points over {_many(len(both), 'pair')} of runs with the same "
        f"test images; the paper has {_percent(paper, 2)}. (The larger images have more weights in "
        "the first dense layer, and ran on another machine.)"
    )


def slow_start(runs: pd.DataFrame) -> str:
    """How many first epochs stay at the answer that is alike for all classes and images."""
    alike = np.log(len(CLASSES))  # its cross-entropy, whether classes are weighted or not
    peeked = runs[(runs["data"] == "ham10000") & (runs["split"] == "peeked")]
    said, never = [], []
    for name in ("as printed", "balanced sampling", "class weights"):
        of = peeked[peeked["variant"] == evidence.CHOICES[name]]
        for run in of["run"].head(1):
            stuck = int((run.history["loss"] > 0.98 * alike).cummin().sum())
            said.append(f"{name} {stuck}")
            if stuck == len(run.history):
                never.append(name)
    if not said:
        return "How training starts if all classes count alike: not yet run."
    text = (
        f"A network that calls every class equally likely, whatever the image, has a cross-entropy "
        f"of {alike:.2f}. Of {len(run.history)} epochs, these many passed before the loss fell to "
        f"98 % of that: {', '.join(said)}."
    )
    if never:
        text += f" With {' and '.join(never)} it never did: such a run cannot judge a choice."
    return text


def repeated(runs: pd.DataFrame) -> str:
    """How far a training with the same seed and images can differ on another number of cores."""
    runs = evidence.live(runs, variant="proposed", size=evidence.LAPTOP)
    runs = runs.drop_duplicates(["split", "seed"]).set_index("seed")
    first, second = (runs[runs["split"] == split] for split in ("random", "peeked"))
    said = []
    for seed in first.index.intersection(second.index):
        pair = [of.loc[seed, "run"] for of in (first, second)]
        cores = [run.config["environment"]["cores"] for run in pair]
        values = [_percent(of.loc[seed, "accuracy"]) for of in (first, second)]
        said.append(
            f"With seed {seed}, the recipe as printed was trained twice on the same images of "
            f"{evidence.LAPTOP} x {evidence.LAPTOP} pixels, on "
            f"{cores[0]} and on {_many(cores[1], 'core')}: an accuracy of {values[0]} and of "
            f"{values[1]}. Chance, the cores and the version of the code are not told apart."
        )
    return " ".join(said) or "The same training twice: not yet run."


def melanoma(runs: pd.DataFrame) -> str:
    """How many of the melanomas the proposed network finds, and its rivals."""
    size = evidence.main_size(runs)
    runs = evidence.live(evidence.renewed(runs), size=size)
    shares: list[str] = []
    for split in evidence.BOTH:
        found = runs[(runs["variant"] == "proposed") & (runs["split"] == split)]
        if len(found):
            row = evidence.recalls(found).loc["mel"].rename({"recall": "value"})
            whose = "" if shares else " of the melanomas"
            shares.append(f"{_interval(row, 0)}{whose} on the {split} split")
    if not shares:
        return "How many melanomas the proposed network finds: not yet run."
    proposed = runs[(runs["variant"] == "proposed") & runs["split"].isin(evidence.BOTH)]["run"]
    tables = [run.predictions[run.predictions["label"] == "mel"] for run in proposed]
    answers = pd.concat(tables)[list(CLASSES)].astype(float).idxmax(axis=1)
    missed = answers[answers != "mel"]
    text = (
        f"The proposed network finds {' and '.join(shares)}. That is of "
        f"{_many(len(proposed), 'run')} at {size} x {size} pixels."
    )
    if len(missed):
        text += f" Of those that it misses, it calls {_percent((missed == 'nv').mean(), 0)} nv."
    others = []
    for rival in evidence.RIVALS:
        found = runs[(runs["variant"] == rival) & (runs["split"] == "random")]
        if len(found):
            others.append(100 * evidence.recalls(found).loc["mel", "recall"])
    if others:
        span = _span(pd.Series(others), 0)
        text += f" Its rivals find {span} % on the random split ({_many(len(others), 'network')})."
    return text


def never_found(predictions: pd.DataFrame) -> str:
    """The classes of which no image is recognised, and what most of theirs are called.

    `predictions`: of one run, see `skinlib.runs.Run`.
    """
    counts = confusion_matrix(predictions)
    rows = [(name, row) for name, row in counts.iterrows() if row.sum() and not row[name]]
    if not rows:
        return "Each class is found at least once."
    lost = [f"{name} ({row.max()} of {row.sum()} called {row.idxmax()})" for name, row in rows]
    accuracy = score_values(predictions)["accuracy"]
    return f"Never found: {', '.join(lost)}. An accuracy of {_percent(accuracy)} hides that."


def decision(predictions: pd.DataFrame, least: float = 0.8) -> str:
    """What it costs to find at least this share of the melanomas, by counting them more often.

    `predictions`: of one run, see `skinlib.runs.Run`.
    """
    before, accuracy = per_class(predictions), score_values(predictions)["accuracy"]
    found = before["recall"]["mel"]
    if found >= least:
        return f"The network finds {_percent(found)} of the melanomas as it is."
    for times in TIMES:
        moved = decided(predictions, 0.0, times)
        after = per_class(moved)
        if after["recall"]["mel"] >= least:
            break
    else:
        return "No weight of the slider finds so many melanomas."
    pays = (after["recall"] - before["recall"]).idxmin()
    price = score_values(moved)["accuracy"]

    def change(score: str, name: str) -> str:
        return f"{_percent(before[score][name])} to {_percent(after[score][name])}"

    return (
        f"If a melanoma counts {times:g} times, the share of the melanomas that is found goes from "
        f"{change('recall', 'mel')}, and the accuracy from {_percent(accuracy)} to "
        f"{_percent(price)}. Of the images that are called mel, those that are right go from "
        f"{change('precision', 'mel')}. In recall, {pays} loses most: {change('recall', pays)}. "
        "The weight was chosen on these images, so expect less of it on new ones."
    )


def readings(table: pd.DataFrame, paper: float) -> str:
    """Which choices could explain the gap, from `evidence.readings`."""
    table = table[table["dead"] == ""]
    choices = table[~table["fault"]].drop("as printed", errors="ignore")
    faults = table[table["fault"]]
    if choices.empty and faults.empty:
        return "What would close the gap: not yet run."
    said = []
    if len(choices):
        said.append(_choices(choices, table["run"].get("as printed"), paper))
    if len(faults):
        reach = {"below": "below the paper's", "at": "as the paper", "above": "above the paper's"}
        listed = [
            f"{name} {_interval(row)}, {reach[row['reach']]}" for name, row in faults.iterrows()
        ]
        said.append(f"What a fault would print, on its own test set: {'; '.join(listed)}.")
    peak = choices["best epoch"].max()
    if np.isfinite(peak):
        even = "Even the" if peak < paper else "The"
        said.append(
            f"{even} best epoch of these trainings, picked on the test set, has {_percent(peak)}."
        )
    return " ".join(said)


def _choices(table: pd.DataFrame, printed: Run | None, paper: float) -> str:
    """Which of the choices could close the gap; `printed`: a run without any of them."""
    enough = list(table.index[table["reach"].isin(["at", "above"])])
    best = table["value"].astype(float).idxmax()
    once = int((table["runs"] == 1).sum())
    text = (
        f"{', '.join(enough).capitalize() or 'No choice that was tried'} could close the gap to "
        f"{_percent(paper, 2)}. At 64 x 64 pixels, {len(table)} of {len(evidence.CHOICES) - 1} "
        "changes to our reading of the recipe were tried, "
        f"{'each' if once == len(table) else f'{once} of them'} in a single training. The best, "
        f"*{best}*, reaches {_interval(table.loc[best])}"
    )
    run = table.loc[best, "run"]
    if printed is not None and run.predictions["image_id"].equals(printed.predictions["image_id"]):
        gain = paired_difference(run, printed, resamples=500)
        text += (
            f"; beside the recipe as printed, a training of each on the same images, that is "
            f"{show(gain, signed=True)} points{unsure(gain)}"
        )
    return f"{text}."


def small_beta() -> str:
    """How little the paper's beta leaves of the new term."""
    recipe = Recipe()
    share = focal_share(recipe.beta, recipe.batch_size)
    return (
        f"With the paper's beta of {recipe.beta:g} the focal loss has at most {_percent(share, 2)} "
        "of the joint loss, if equation 4 is a sum over a batch."
    )


def copied(runs: pd.DataFrame, paper: float) -> str:
    """What copying rare images before the split does, and whether rivals gain as much."""
    runs = evidence.live(runs, size=evidence.LAPTOP)
    faulty = runs[(runs["split"] == "copied") & (runs["variant"] == "proposed")]
    if faulty.empty:
        return "Rare images copied before the split: not yet run."
    text = (
        "A network that is trained and tested after rare images were copied (64 x 64 pixels) "
        "scores "
        f"{_interval(mean_over_seeds(faulty))} on its own, leaking test set, and "
        f"{_percent(evidence.at_natural_shares(faulty))} if its recalls are weighted as HAM10000 "
        f"has the classes; the paper has {_percent(paper)}."
    )
    gains, longer = {}, []
    for model in ("proposed", *evidence.RIVALS):
        of = runs[runs["variant"] == model].set_index("seed")
        plain, fault = of[of["split"] == "random"], of[of["split"] == "copied"]
        seeds = plain.index.intersection(fault.index)
        if len(seeds):
            plain, fault = plain.loc[seeds], fault.loc[seeds]
            gain = evidence.at_natural_shares(fault) - plain["accuracy"].mean()
            gains[evidence.NAMES[model]] = f"{100 * gain:+.1f}"
            longer.append(_trained_on(fault) / _trained_on(plain))
    if gains:
        listed = ", ".join(f"{name} {gain}" for name, gain in gains.items())
        text += (
            f" Weighted so, and beside a random split with the same seed, the fault lifts, in "
            f"points: {listed}. Not all of it is leakage: the copies also balance the classes, "
            f"and make an epoch {np.mean(longer):.1f} times as long."
        )
    missing = [name for model, name in evidence.NAMES.items() if name not in gains]
    if missing:
        text += f" Whether it lifts the rivals as much is not yet run for {', '.join(missing)}."
    return text


def _trained_on(runs: pd.DataFrame) -> float:
    """How many images an epoch has, on average over runs."""
    return float(np.mean([run.config["split"]["train"] for run in runs["run"]]))


def calibration(predictions: pd.DataFrame, least: float = 0.9436) -> str:
    """That a probability is not an accuracy.

    `predictions`: of one run, see `skinlib.runs.Run`; `least`: a probability, 0 to 1.
    """
    probabilities = predictions[list(CLASSES)].astype(float)
    top = probabilities.max(axis=1)
    sure = top >= least
    right = (probabilities.idxmax(axis=1) == predictions["label"])[sure]
    text = (
        f"A probability of {_percent(least, 2)} is not an accuracy: it is what a network says of "
        "one image. "
    )
    if not sure.any():
        return text + "Ours says as much of no image of its test set."
    values = score_values(predictions, ("accuracy", "ECE"))
    return text + (
        f"Ours says as much or more of {_many(int(sure.sum()), 'image')} of {len(sure)}, and is "
        f"right on {_percent(right.mean())} of them; its accuracy over all is "
        f"{_percent(values['accuracy'])}. "
        f"On average, what it says and how often it is right lie {100 * values['ECE']:.1f} points "
        "apart (the expected calibration error)."
    )


def heat_maps(runs: pd.DataFrame) -> str:
    """How the proposed network's heat maps stand to untrained ones and to a blob in the middle."""
    runs = evidence.with_controls(evidence.live(runs))
    found = {}
    for place, size in verdict.PLACES.items():
        of = runs[runs["size"] == size]
        answer = verdict.above(of, list(CONTROLS), "overlap", evidence.BOTH)
        if answer.numbers:
            found[place] = answer
    if not found:
        return "How well the proposed network's heat maps point on HAM10000: not yet run."
    most = max(found, key=lambda place: _pairs(found[place]))
    answers = [
        f"{WORDS[compare(found[most].numbers[control])]} {words}"
        for control, words in CONTROLS.items()
    ]
    said = []
    for place in (most, *(found.keys() - {most})):
        rows = [found[place].numbers[control] for control in CONTROLS]
        first, second = (
            f"{show(row, 2, False, signed=True)}{' (not sure)' * bool(unsure(row))}" for row in rows
        )
        trainings = _many(_pairs(found[place]), "training")
        said.append(
            f"At {place} ({trainings}) the overlap with the lesion is {first} above that of "
            f"untrained weights, and {second} above the blob's."
        )
    return (
        f"At {most} pixels the proposed network's heat maps point at the lesion "
        f"{', and '.join(answers)}. {' '.join(said)}"
    )


WORDS = {"better": "better than", "worse": "worse than", "undecided": "not surely otherwise than"}
CONTROLS = {
    "fresh weights": "those of untrained weights",
    "blob in the middle": "a blob in the middle of the image",
}


def against_blob(table: pd.DataFrame, data: str) -> str:
    """Whose heat maps overlap more with the lesion than a blob in the middle.

    `table`: of `evidence.pointing`.
    """
    if table.empty:
        return f"How well heat maps point on {data}: not yet run."
    overlap = table.loc["overlap"]
    blob = overlap.loc[evidence.CONTROLS["blob in the middle"]]
    outline = overlap.loc[evidence.CONTROLS[evidence.OUTLINE]]
    names = [name for name in overlap.index if name not in evidence.CONTROLS.values()]
    beaten = [name for name in names if overlap.loc[name, "low"] > blob["high"]]
    listed = ", ".join(f"{name} {overlap.loc[name, 'value']:.2f}" for name in names)
    return (
        f"On {data}, {', '.join(beaten) or 'none'} of {_many(len(names), 'network')} beats a blob "
        f"in the middle of the image: the blob overlaps with the lesion by {show(blob, 2, False)}; "
        f"{listed}. The true outline, drawn as coarsely as the proposed network's map, gets "
        f"{outline['value']:.2f}, which is what so few places can show."
    )


def left_out(runs: pd.DataFrame) -> str:
    """The runs whose parts are dead, so that nothing is said of them; or that there are none."""
    dead = runs[runs["dead"] != ""]
    listed = [f"{row.variant} ({row.dead})" for row in dead.itertuples()]
    return f"Left out, for a part of it is dead: {', '.join(listed) or 'none'}."


def same_images(run: Run, dataset: Dataset, rows: np.ndarray) -> str:
    """Whether the images that are shown, `rows` of a data set, are those a run was tested on."""
    shown = dataset.table["image_id"].to_numpy()[rows]
    known = np.isin(shown, run.predictions["image_id"])
    text = f"{int(known.sum())} of these {len(shown)} images are in the network's own test set."
    if run.config["data"]["fingerprint"] != dataset.fingerprint:
        text += (
            f" It was trained on {run.config['data']['name']}, and not on this copy of these "
            "images: its answers may differ from the recorded ones."
        )
    return text


def deletion(curves: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Whether the probability falls or rises faster in the first order than in the others.

    `curves`: of `skinlib.explain.curves`.
    """
    said = []
    for kind, orders in curves.items():
        means = {name: curve.mean(axis=1) for name, curve in orders.items()}  # (N,) each
        first, *others = means
        parts = []
        for other in others:
            gain = means[first] - means[other]
            found = compare(t_interval(-gain if kind == "deletion" else gain))
            word = "not told apart from" if found == "undecided" else f"{found} than"
            parts.append(f"{word} {other} ({means[other].mean():.2f})")
        said.append(
            f"During {kind} the probability is {means[first].mean():.2f} on average with the order "
            f"of {first}: {', '.join(parts)}."
        )
    return " ".join(said)


def half_a_cell(scores: pd.DataFrame) -> str:
    """What moving a map by half a cell does.

    `scores`: `value`, `low`, `high` of the overlap, one row per way; one is "as drawn".
    """
    if scores.empty:
        return "No outline is known: not measured."
    drawn = scores.loc["as drawn", "value"]
    moved = scores["value"].drop("as drawn")
    listed = [f"{show(scores.loc[way], 2, False)} if moved {way}" for way in moved.index]
    return (
        f"Half a cell moves the overlap from {drawn:.2f} to {' and to '.join(listed)}. The network "
        f"is the same: {(moved - drawn).abs().max():.2f} of overlap may hang on where a place is "
        "drawn. Maps of the same layout share that. Between other layouts, or a network and a "
        "blob, a smaller difference may come from the drawing alone."
    )


def rivals(runs: pd.DataFrame) -> str:
    """Which rivals the proposed network surely beats in table 1, and which it does not."""
    found = verdict.baselines(evidence.renewed(runs), evidence.RIVALS)
    missing = [evidence.NAMES[rival] for rival in found if not found[rival].numbers]
    found = {rival: answer for rival, answer in found.items() if answer.numbers}
    if not found:
        return "How the proposed network stands to its rivals: not yet run."
    beaten = []
    for rival, answer in found.items():
        scores = [name for name, row in answer.numbers.items() if compare(row) == "better"]
        if scores:
            beaten.append(f"{evidence.NAMES[rival]} (in {', '.join(scores)})")
    text = (
        f"Of {_many(len(found), 'rival')} the network surely beats {', '.join(beaten) or 'none'}, "
        f"with {_many(min(map(_pairs, found.values())), 'pair')} of trainings each."
    )
    return text + (f" Not yet run often enough: {', '.join(missing)}." if missing else "")


def _pairs(answer: verdict.Verdict) -> int:
    return answer.evidence.get(f"pairs at {answer.place}", 0)


def leads(runs: pd.DataFrame, paper: pd.DataFrame) -> str:
    """Which of the paper's leads in accuracy our runs rule out, corrected for all rivals."""
    theirs = paper.loc["proposed", "accuracy"] - paper["accuracy"].drop("proposed")
    rows = verdict.against_leads(evidence.renewed(runs), theirs, "accuracy").numbers
    if not rows:
        return "The leads in accuracy: not yet run."
    said = [
        f"{evidence.NAMES[rival]} {100 * theirs[rival]:.1f}, ours {show(row, signed=True)}"
        for rival, row in rows.items()
    ]
    ruled_out = [evidence.NAMES[r] for r, row in rows.items() if compare(row) != "undecided"]
    return (
        "The paper's leads in accuracy, in points, and how far ours lie above them: "
        f"{'; '.join(said)}. So our runs rule out its lead over {', '.join(ruled_out) or 'none'}; "
        "the paper's own doubt is not counted."
    )


def against_rivals(runs: pd.DataFrame, column: str, words: str) -> str:
    """How the proposed network stands to each rival in one column, corrected for all of them."""
    answer = verdict.above(evidence.renewed(runs), evidence.RIVALS, column)
    if not answer.numbers:
        return f"The networks' {words}: not yet run."
    listed = [
        f"{evidence.NAMES[rival]} {show(row, signed=True)}{unsure(row)}"
        for rival, row in answer.numbers.items()
    ]
    answers = [compare(row) for row in answer.numbers.values()]
    return (
        f"In {words} ({answer.place} pixels, random split) the proposed network is surely ahead of "
        f"{answers.count('better')} of {len(listed)} rivals, and surely behind "
        f"{answers.count('worse')}. By how many points it is ahead: {'; '.join(listed)}."
    )


def five(runs: pd.DataFrame, table: pd.DataFrame, paper: float) -> list[str]:
    """What was found, for the first page.

    `table`: `evidence.readings` of it.
    """
    copies = evidence.live(runs, variant="proposed", split="copied", size=evidence.LAPTOP)
    choices = table[~table["fault"]]
    would = small_beta()
    if len(choices) > 1:
        would = readings(choices, paper)
    if len(copies):
        value = mean_over_seeds(copies)["value"]
        would += (
            " If images of rare classes are copied before the split, copies of test images are "
            f"trained on. With that fault the same recipe prints {_percent(value)} on its own test "
            f"set, and {_percent(evidence.at_natural_shares(copies))} if classes are as frequent "
            f"there as in HAM10000 ({_many(len(copies), 'run')})."
        )
        if value > paper:
            would += (
                " So a fault of that kind can lift the number as far as the paper's. Whether one "
                "did, its text does not say."
            )
    leaked = leak_in_short(evidence.renewed(runs))
    return [gap(runs, paper), would, leaked, melanoma(runs), heat_maps(runs)]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _span(values: pd.Series, digits: int, *, signed: bool = False) -> str:
    """'0.03', or '0.02 to 0.05' for values that differ."""
    form = f"{'+' if signed else ''}.{digits}f"
    low, high = (format(float(end), form) for end in (np.min(values), np.max(values)))
    return low if low == high else f"{low} to {high}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _interval(row: Mapping[str, float], digits: int = 1) -> str:
    """'76.1 % (75.2 to 77.1)'."""
    value, *ends = show(row, digits).split(" ", 1)
    return " ".join([f"{value} %", *ends])
