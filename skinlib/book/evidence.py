"""From the table of runs to the tables of the chapters 7 to 9.

`runs` is what `skinlib.runs.load` returns. Shares are from 0 to 1; an interval has the columns
`value`, `low`, `high`. What was not run is missing or NaN, never an error.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from skinlib.book.verdict import BOTH, ENOUGH, PAIRS, PAPER_SCORES, PARTS, PLACES
from skinlib.book.verdict import parts as verdict_of_parts
from skinlib.data.dataset import CLASSES, IMAGES_PER_CLASS
from skinlib.experiments import AVERAGED, READINGS
from skinlib.explain import MAPS
from skinlib.intervals import (
    cluster_bootstrap,
    difference,
    interval_of_shares,
    mean_over_seeds,
    paired_difference,
    show,
    t_interval,
    wilson_interval,
)
from skinlib.models import MODELS, NAMES
from skinlib.runs import CROPPED, POINTING, Run, over_lesions
from skinlib.scores import per_class
from skinlib.training.recipe import Recipe

NV = max(IMAGES_PER_CLASS) / sum(IMAGES_PER_CLASS)
"""Accuracy on HAM10000 of always answering nv."""

RIVALS = tuple(name for name in MODELS if name != "proposed")
RENEWED = ", new_averages=True"
"""The end of such a variant's name."""

LAPTOP = PLACES["64 x 64"]
"""The size at which what takes many trainings was run: readings, faults and ingredients."""

TESTED = 1503
"""Images in 15 % of HAM10000: the paper's test set, about."""

SIGNS = {
    "offset_mean": "offset, px",
    "offset_p95": "its 95 %",
    "mask_mean": "mask",
    "mask_std": "its sd",
    "gamma": "gamma",
    "attention_top_tenth": "top tenth",
    "dead_relu": "dead ReLU",
}
"""Vital sign -> its name in a table."""


def live(runs: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """The runs on HAM10000 with no dead part, and with these values in these columns."""
    chosen = (runs["data"] == "ham10000") & (runs["dead"] == "")
    for name, value in columns.items():
        chosen &= runs[name] == value
    return runs[chosen]


def renewed(runs: pd.DataFrame) -> pd.DataFrame:
    """The table, in which networks with batch normalisation answer by averages made anew.

    A variant's runs with new averages take its name, and the place of those with running averages,
    on each size and split where they have all of their seeds. Elsewhere they are left out.
    """
    runs = runs.assign(new=runs["variant"].str.endswith(RENEWED))
    runs["variant"] = runs["variant"].str.removesuffix(RENEWED)
    kept = []
    for _, of in runs.groupby(["data", "variant", "size", "split"], sort=False):
        anew, lagging = of[of["new"]], of[~of["new"]]
        all_seeds = len(anew) and set(lagging["seed"]) <= set(anew["seed"])
        kept.append(anew if all_seeds else lagging)
    return pd.concat([runs[:0], *kept]).drop(columns="new").sort_index()


def main_size(runs: pd.DataFrame) -> int:
    """The size that the pages show, in pixels.

    Of `PLACES` at which the recipe as printed has enough runs, the one with most networks, or the
    first of several; else the one with most live runs; 64 if there are none.
    """
    found = live(runs)
    printed = live(runs, variant="proposed", split="random")["size"].value_counts()
    enough = [size for size in PLACES.values() if printed.get(size, 0) >= ENOUGH]
    if enough:
        networks = live(runs, split="random").groupby("size")["model"].nunique()
        return max(enough, key=lambda size: networks[size])
    return int(found["size"].mode().max()) if len(found) else PLACES["64 x 64"]


def counts(runs: pd.DataFrame) -> pd.DataFrame:
    """How many runs there are: one row per variant, one column per size.

    Returns:
        Cells such as '3 grouped, 3 random', and `dead`, how many of them are.
    """
    runs = runs[runs["data"] == "ham10000"]
    number = runs.groupby(["variant", "size", "split"]).size()
    words = number.astype(str) + " " + number.index.get_level_values("split")
    table = words.groupby(level=["variant", "size"]).agg(", ".join).unstack(fill_value="")
    table.columns = [f"{size} x {size}" for size in table.columns]
    table["dead"] = (runs["dead"] != "").groupby(runs["variant"]).sum().astype(int)
    return table.rename_axis(index="network")


def vital_signs(runs: pd.DataFrame) -> pd.DataFrame:
    """Means of the vital signs: one row per variant and size, dead runs included.

    Only runs on random and grouped splits; what a variant lacks is NaN.
    """
    runs = runs[(runs["data"] == "ham10000") & runs["split"].isin(BOTH)]
    runs = runs.assign(runs=1, dead=(runs["dead"] != "").astype(int))
    groups = runs.groupby(["variant", "size"])
    table = groups[["runs", "dead"]].sum().join(groups[list(SIGNS)].mean())
    return table.rename(columns=SIGNS).rename_axis(["network", "size"])


def table1(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> pd.DataFrame:
    """The accuracies of the paper's table 1 beside ours, on images of one size.

    `paper` has one row per network, and a column per score, 0 to 1.

    Returns:
        One row per network; columns (source, "value" | "low" | "high" | "runs"). The first source
        is the paper, with Wilson's interval of a test set of `TESTED` images; then ours by split,
        and with averages made anew.
    """
    table = {}
    shown = live(runs, size=size)
    made = set(zip(shown["split"], shown["variant"].str.endswith(RENEWED), strict=True))
    for model in paper.index:
        printed = wilson_interval(paper.loc[model, "accuracy"], TESTED)
        row = {("the paper", key): value for key, value in printed.items()}
        for split, end in product(BOTH, ENDS):
            if (split, bool(end)) in made:
                of = shown[(shown["split"] == split) & (shown["variant"] == model + end)]
                source = f"ours, {split} split{ENDS[end]}"
                row |= {(source, key): value for key, value in mean_over_seeds(of).items()}
        table[NAMES[model]] = row
    return pd.DataFrame(table).T.astype(float)


def table1_words(runs: pd.DataFrame, paper: pd.DataFrame, size: int) -> pd.DataFrame:
    """The whole of table 1 in words: one row per network and score.

    Returns:
        The paper's number, ours on both splits with the number of runs, and how far the random
        split's lies above the paper's, in points.
    """
    rows = {}
    for model in paper.index:
        for name in paper.columns:
            value = paper.loc[model, name]
            row = {"the paper": f"{100 * value:.2f}"}
            for split in BOTH:
                of = live(runs, split=split, size=size)
                for end in ENDS if model in AVERAGED else [""]:
                    found = mean_over_seeds(of[of["variant"] == model + end], name)
                    row[f"ours, {split}{ENDS[end]}"] = in_words(found)
                    if split == "random":
                        gap = found[["value", "low", "high"]] - value
                        row[f"difference{ENDS[end]}"] = show(gap, signed=True)
            rows[f"{NAMES[model]}, {name}"] = row
    return pd.DataFrame(rows).T.fillna("").rename_axis("score in %")


ENDS = {"": "", RENEWED: ", averages made anew"}
"""How the name of a variant ends -> what a table says of it."""


def named(variant: str) -> str:
    """A variant as a table names it: 'ARL14, averages made anew'."""
    model = variant.removesuffix(RENEWED)
    return NAMES.get(model, model) + ENDS[variant.removeprefix(model)]


def in_words(row: Mapping[str, float]) -> str:
    """'76.1 (75.2 to 77.1), 3 runs', or 'not yet run'."""
    count = int(row["runs"])
    if not count:
        return "not yet run"
    return f"{show(row)}, {count} run{'s' * (count > 1)}"


def new_images(runs: pd.DataFrame) -> pd.DataFrame:
    """Each live run's scores on its own test set, and on ISIC 2018's.

    Returns:
        One row per run that was asked about the latter: `network`, `split`, `size`, `seed`,
        `accuracy`, `isic accuracy`, `balanced accuracy`, `isic balanced accuracy`.
    """
    shown = ["variant", "split", "size", "seed"]
    for name in ("accuracy", "balanced accuracy"):
        shown += [name, f"isic {name}"]
    table = live(runs).dropna(subset="isic accuracy")[shown]
    table = table[table["split"].isin(BOTH)]
    return table.rename(columns={"variant": "network"}).reset_index(drop=True)


def relatives(runs: pd.DataFrame, size: int) -> pd.DataFrame:
    """How much more often the same image is recognised if it is in a random split's test set.

    Networks of both splits are asked about it. If another image of its lesion, a relative, was
    trained on in the random split, the difference has the leak in it; if none was, nothing leaked.
    The mean over all pairs of runs of the variants with the most seeds on both splits; a lesion
    counts once.

    Returns:
        `value`, `low`, `high`: for all images and for all but nv, those with a relative, those
        without, and how far the first lie above the second; their intervals draw lesions. The last
        row is that of all but nv again, with Student's interval over the random splits, in which
        the luck of their trainings is. Also `images` and `lesions`.
    """
    found = live(runs, size=size)
    found = found[found["split"].isin(BOTH)]
    seeds = found.groupby(["variant", "split"])["seed"].nunique().unstack().reindex(columns=BOTH)
    seeds = seeds.min(axis=1, skipna=False).dropna()
    tables = []
    for variant in seeds.index[seeds == seeds.max()]:
        of = found[found["variant"] == variant]
        of = of.set_index("seed")
        random, grouped = (of["run"][of["split"] == split].map(_recognised) for split in BOTH)
        for (seed, first), second in product(random.items(), grouped):
            both = first.merge(second, on=IMAGE)
            # A grouped test set has all images of its lesions.
            both["relative"] = both["of_lesion_y"] > both["of_lesion_x"]
            tables.append(both.assign(gain=both["right_x"] - both["right_y"], seed=seed))
    if not tables:
        return pd.DataFrame(columns=["value", "low", "high", "images", "lesions"], dtype=float)
    table = pd.concat(tables)
    rare = table[table["label"] != "nv"]
    rows = {}
    for kind, chosen in (("all", table), ("all but nv", rare)):
        gains = chosen.groupby([*IMAGE, "relative"], as_index=False)["gain"].mean()
        groups = [gains[gains["relative"] == relative] for relative in (True, False)]
        leaked, control = (
            {
                **cluster_bootstrap(of["gain"].to_numpy(), of["lesion_id"].to_numpy()),
                "images": len(of),
                "lesions": of["lesion_id"].nunique(),
            }
            for of in groups
        )
        rows[f"{kind}, a relative trained on"] = leaked
        rows[f"{kind}, none trained on"] = control
        rows[f"{kind}, the first minus the second"] = difference(leaked, control)
    by_lesion = rare.groupby(["seed", "relative", "lesion_id"])["gain"].mean()
    means = by_lesion.groupby(["seed", "relative"]).mean().unstack()
    means = means.reindex(columns=[True, False])
    rows["all but nv, the same over splits"] = t_interval((means[True] - means[False]).dropna())
    return pd.DataFrame(rows).T


IMAGE = ["image_id", "lesion_id", "label"]


def _recognised(run: Run) -> pd.DataFrame:
    """Which test images are recognised, and how many images of its lesion each test set has."""
    table = run.predictions
    right = table[list(CLASSES)].astype(float).idxmax(axis=1) == table["label"]
    of_lesion = table.groupby("lesion_id")["image_id"].transform("size")
    return table[IMAGE].assign(right=right.astype(float), of_lesion=of_lesion)


def pairs(
    runs: pd.DataFrame,
    size: int,
    score: str = "accuracy",
    *,
    resamples: int = 300,
) -> pd.DataFrame:
    """How much better the proposed network is in a score, pair by pair, on images of one size.

    Against a rival on the paper's kind of split, the random one; without a part on both.

    Returns:
        Index `comparison`, `split`, `seed`; columns `value`, `low`, `high`.
    """
    others = {f"its {part}": f"proposed without {part}" for part in PARTS}
    others |= {f"against {NAMES[rival]}": rival for rival in RIVALS}
    found = live(runs, size=size)
    found = found[found["split"].isin(BOTH)]
    found = found.drop_duplicates(["variant", "split", "seed"])
    found = found.set_index(["variant", "split", "seed"])["run"]
    rows = {}
    for comparison, other in others.items():
        splits = ["random"] if other in RIVALS else BOTH
        for split, seed in found.get(other, pd.Series(dtype=object)).index:
            if split in splits and ("proposed", split, seed) in found.index:
                both = found["proposed", split, seed], found[other, split, seed]
                gap = paired_difference(*both, score, resamples=resamples)
                rows[comparison, split, seed] = gap[["value", "low", "high"]].to_list()
    index = pd.MultiIndex.from_tuples(rows, names=["comparison", "split", "seed"])
    return pd.DataFrame([*rows.values()], index, ["value", "low", "high"], dtype=float)


def mean_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each comparison of `pairs` that has enough of them (`ENOUGH`)."""
    gaps = table["value"].groupby(level="comparison", sort=False)
    rows = {name: t_interval(gap) for name, gap in gaps if len(gap) >= ENOUGH}
    return pd.DataFrame(rows, index=["value", "low", "high"]).T


def recalls(runs: pd.DataFrame) -> pd.DataFrame:
    """Recall of each class: means over seeds, with Student's interval from three on.

    A single run's interval is Wilson's, which takes images for independent; so is that of runs
    which all agree, with the images of one test set.

    `runs`: of one variant, split and size; one or more.

    Returns:
        One row per class: `recall` and its `low` and `high`, `images` (of a test set).
    """
    found = [per_class(run) for run in runs["run"]]
    rows = {}
    for name in CLASSES:
        values = pd.Series([table.loc[name, "recall"] for table in found])
        row = interval_of_shares(values.groupby(list(runs["seed"])).mean())
        images = int(found[0].loc[name, "images"])
        if images and values.nunique() == 1:
            row = wilson_interval(row["value"], images)
        rows[name] = {"recall": row["value"], **row[["low", "high"]], "images": images}
    return pd.DataFrame(rows).T.astype({"images": int})


def readings(runs: pd.DataFrame, paper: float, size: int) -> pd.DataFrame:
    """How near each thing that the paper may have done comes to its accuracy, on one size.

    Returns:
        One row per reading or fault that was run: `value`, `low`, `high`, `runs`; `fault`; `dead`,
        why it says nothing, or ''; `best epoch`, the highest accuracy of any epoch on the test set;
        `share`, of the gap from the recipe as printed; `run`, the first; `reach`, whether its
        interval lies "below" the paper's (Wilson's), "above" it, or "at" it.
    """
    runs = runs[(runs["data"] == "ham10000") & (runs["size"] == size)]
    chosen = {}
    for name, variant in CHOICES.items():
        chosen[name] = runs[(runs["split"] == "peeked") & (runs["variant"] == variant)], False
    for split, words in FAULTS.items():
        for model in ("proposed", *RIVALS):
            name = words if model == "proposed" else f"{words}, {NAMES[model]}"
            faulty = (runs["split"] == split) & (runs["variant"] == model)
            chosen[name] = runs[faulty], True
    rows = {}
    for name, (found, fault) in chosen.items():
        if len(found):
            alive = found[found["dead"] == ""]
            best = [run.history.get("val_accuracy", [np.nan]) for run in found["run"]]
            if "new_averages" in CHOICES.get(name, ""):  # none of its epochs had them
                best = [[np.nan]]
            counted = alive if len(alive) else found
            rows[name] = {
                **mean_over_seeds(counted),
                "run": counted["run"].iloc[0],
                "fault": fault,
                "dead": "" if len(alive) else found["dead"].iloc[0],
                "best epoch": np.mean([max(values) for values in best]),
            }
    numbers = ["value", "low", "high", "runs", "best epoch"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*numbers, "fault", "dead", "run"])
    table = table.astype({"fault": bool, **dict.fromkeys(numbers, float)})
    printed = table["value"].get("as printed", np.nan)
    table["share"] = (table["value"] - printed) / (paper - printed)
    theirs = wilson_interval(paper, TESTED)
    table["reach"] = ""
    table.loc[table["low"].notna(), "reach"] = "at"
    table.loc[table["high"] < theirs["low"], "reach"] = "below"
    table.loc[table["low"] > theirs["high"], "reach"] = "above"
    return table


CHOICES = {name: Recipe(**changes).variant for name, changes in READINGS.items()}
CHOICES["cropped instead of squashed"] = "proposed" + CROPPED
"""What the paper may have done -> the variant that does it."""

FAULTS = {"copied": "copied before the split", "seen": "trained on the test set"}
"""Split with a fault -> what was done."""


ENOUGH_ALONE = {"below": "no", "at": "may be", "above": "more than that", "": "not known"}


def reading_words(table: pd.DataFrame) -> pd.DataFrame:
    """`readings` for a page, in per cent: one row per reading or fault, run or not."""
    names = [*CHOICES, *FAULTS.values()]
    names += [name for name in table.index if name not in names]
    rows = {}
    for name in names:
        if name not in table.index:
            rows[name] = {"accuracy, %": "not yet run"}
            continue
        row = table.loc[name]
        enough = ENOUGH_ALONE[row["reach"]]
        rows[name] = {
            "accuracy, %": show(row),
            "share of the gap": f"{row['share']:.0%}" if row["share"] > 0 else "",
            "enough alone": "a dead run: " + row["dead"] if row["dead"] else enough,
            "a fault": "yes" if row["fault"] else "",
            "best epoch, % (a fault)": show({"value": row["best epoch"]}),
        }
    return pd.DataFrame(rows).T.fillna("").rename_axis("reading")


def part_words(
    runs: pd.DataFrame,
    parts: Sequence[str] = tuple(PARTS),
    columns: Sequence[str] = PAPER_SCORES,
) -> pd.DataFrame:
    """What each part adds, in points, with Holm's correction: one row per part and score."""
    rows = {}
    for part, answer in verdict_of_parts(runs, parts, columns).items():
        seen = max(count for what, count in answer.evidence.items() if what.startswith("pairs"))
        missing = f"{seen} of {PAIRS} pairs run" if seen else "not yet run"
        for name in columns:
            row = answer.numbers.get(name)
            points = show(row, signed=True) if row else missing
            p = f"{row['p']:.3f}" if row else ""
            rows[f"{part}, {name}"] = {"points": points, "p (Holm)": p, "images": answer.place}
    return pd.DataFrame(rows).T.rename_axis("part, score")


def recall_words(runs: pd.DataFrame, size: int) -> pd.DataFrame:
    """The proposed network's recall of each class, in per cent, on both splits."""
    words = {}
    for split in BOTH:
        found = live(runs, variant="proposed", split=split, size=size)
        column = pd.Series("not yet run", index=list(CLASSES))
        if len(found):
            table = recalls(found).rename(columns={"recall": "value"})
            column = table.apply(show, axis=1)
        words[f"{split} split"] = column
    return pd.DataFrame(words).rename_axis("recall, %")


def at_natural_shares(runs: pd.DataFrame) -> float:
    """The accuracy with classes as frequent as in HAM10000: recalls, weighted so."""
    shares = np.array(IMAGES_PER_CLASS) / sum(IMAGES_PER_CLASS)
    found = [(per_class(run)["recall"] * shares).sum() for run in runs["run"]]
    return float(np.mean(found)) if found else np.nan


def costs(runs: pd.DataFrame) -> pd.DataFrame:
    """What training took: one row per variant, size, dtype, processor and its cores in use.

    Only runs on random and grouped splits: others train on more images. And none on a card, which
    up to ten of them shared.
    """
    runs = runs[(runs["data"] == "ham10000") & runs["split"].isin(BOTH)]
    runs = runs[runs["run"].map(lambda run: not run.config["environment"]["gpus"]).astype(bool)]
    cores = runs["run"].map(lambda run: run.config["environment"]["cores"])
    runs = runs.assign(runs=1, minutes=runs["seconds"] / 60, cores=cores)
    groups = runs.groupby(["variant", "size", "dtype", "processor", "cores"])
    table = groups[["runs"]].sum()
    table["parameters"] = groups["parameters"].first()
    table[["minutes", "memory (MiB)"]] = groups[["minutes", "peak_memory_mib"]].median()
    return table.reset_index().rename(columns={"variant": "network"})


def gap_chart(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first page's chart, from the least to the most flattering.

    Returns:
        One row per thing that was measured; `value`, `low`, `high`.
    """
    size = main_size(runs)
    rows: dict = {"always answering nv": {"value": NV, "low": NV, "high": NV}}
    bars = {
        "grouped": "ours, split by lesion",
        "random": "ours, split by image",
        "copied": "a fault: images copied before the split",
    }
    for split, words in bars.items():
        of = LAPTOP if split == "copied" else size
        found = live(runs, variant="proposed", split=split, size=of)
        if found.empty:
            continue
        runs_of = f"{len(found)} run{'s' * (len(found) > 1)}"
        rows[f"{words}, {of} x {of}, {runs_of}"] = mean_over_seeds(found)
    return pd.DataFrame(rows).T[["value", "low", "high"]].astype(float)


def with_maps(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs whose heat maps were held against outlines."""
    return runs[runs["run"].map(lambda run: run.heat_maps is not None).astype(bool)]


def pointing(runs: pd.DataFrame) -> pd.DataFrame:
    """How well heat maps point at the lesion, network by network, and the controls.

    The interval of three trainings is Student's over their means; of one, it is over lesions.
    Controls are those of the proposed network (of the first, if there is none). What the outline
    gets on the places of a network's own map is its row of `BEST`.

    `runs`: of one data set; those without heat maps are left out.

    Returns:
        Index (score, whose map); columns `value`, `low`, `high`, `runs`.
    """
    runs = with_maps(runs[runs["dead"] == ""])
    if runs.empty:
        return pd.DataFrame(columns=["value", "low", "high", "runs"], dtype=float)
    names = list(dict.fromkeys(runs["variant"]))
    whose = "proposed" if "proposed" in names else names[0]
    shown = [(named(name), name, "network") for name in names]
    shown += [(CONTROLS[kind], whose, kind) for kind in MAPS[1:]]
    rows = {}
    for column in POINTING:
        for label, variant, kind in shown:
            of = [run.heat_maps for run in runs["run"][runs["variant"] == variant]]
            row = interval_of_shares([over_lesions(table, kind)[column] for table in of])
            if len(of) == 1:
                only = of[0][of[0]["map"] == kind]
                row = cluster_bootstrap(only[column].to_numpy(), only["lesion_id"])
            rows[column, label] = {**row, "runs": len(of)}
    for label, variant, _ in shown[: len(names)]:
        of = [run.heat_maps for run in runs["run"][runs["variant"] == variant]]
        reached = [over_lesions(table, OUTLINE)["overlap"] for table in of]
        rows[BEST, label] = {"value": np.mean(reached), "runs": len(of)}
    return pd.DataFrame(rows).T


OUTLINE, BEST = "outline on as few places", "the outline's overlap"
CONTROLS = {kind: f"control: {kind}" for kind in MAPS[1:]}
CONTROLS[OUTLINE] = "control: the outline, as coarse as the map"


def pointing_words(table: pd.DataFrame) -> pd.DataFrame:
    """`pointing` with one row per map, its scores as text, and how many `trainings` it has."""
    if table.empty:
        return table
    words = table.apply(show, axis=1, digits=2, percent=False)
    words = words.unstack(0, sort=False)[[*POINTING, BEST]].fillna("")
    return words.assign(trainings=table.loc["overlap", "runs"].astype(int))


def with_controls(runs: pd.DataFrame) -> pd.DataFrame:
    """The table, with a row per control that stands beside a proposed network's map.

    Their `variant` is the control's name, so that a verdict takes them for networks.
    """
    rows = []
    for _, row in runs[runs["variant"] == "proposed"].iterrows():
        maps = row["run"].heat_maps
        if maps is not None:
            rows += [{**row, "variant": kind, **over_lesions(maps, kind)} for kind in MAPS[1:]]
    if not rows:
        return runs
    return pd.concat([runs, pd.DataFrame(rows)], ignore_index=True)


def first_answers(runs: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """What each network says of the first test image of some (true) classes.

    `runs` are of one split and seed, so that their test images are the same.

    Returns:
        One row per network, one column per class: 'nv 61.0 %'.
    """
    rows = {}
    for _, row in runs.drop_duplicates("variant").iterrows():
        table = row["run"].predictions
        answers = {}
        for name in classes:
            of = table[table["label"] == name]
            if len(of):
                probabilities = of[list(CLASSES)].iloc[0].astype(float)
                said = f"{probabilities.idxmax()} {100 * probabilities.max():.1f} %"
                answers[f"true: {name}"] = said
        rows[NAMES.get(row["variant"], row["variant"])] = answers
    return pd.DataFrame(rows).T.rename_axis("network")


def short(runs: pd.DataFrame) -> pd.DataFrame:
    """The table, its variants without the settings that all of its runs have changed."""
    return runs.assign(variant=runs["variant"].str.split(",").str[0])


def kept(runs: pd.DataFrame) -> Run | None:
    """The first live run of the proposed network whose weights lie beside it."""
    for run in live(runs, variant="proposed")["run"]:
        if run.config["weights"] and (run.folder / "weights.npz").exists():
            return run
    return None


def overlap_by_class(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean overlap with the lesion: one row per class, one column per network or control.

    The controls are those of the proposed network. `images`: how many images of its runs; one that
    several of them tested counts once here, and once per run in the means.
    """
    tables = []
    for row in runs.itertuples():
        if row.run.heat_maps is not None:
            table = row.run.heat_maps
            own = table["map"] == "network"
            name = table["map"].map(CONTROLS).mask(own, row.variant)
            table = table.assign(name=name)
            tables.append(table if row.variant == "proposed" else table[own])
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables)
    found = table.pivot_table("overlap", "label", "name", sort=False).reindex(CLASSES)
    proposed = table[table["name"] == "proposed"]
    images = proposed.groupby("label")["image_id"].nunique()
    found.insert(0, "images", images.reindex(CLASSES).fillna(0))
    return found.astype({"images": int}).rename_axis(index="class", columns=None)


def captions(probabilities: np.ndarray) -> list[str]:
    """What a network says: (N, 7) -> N times 'nv 61%'."""
    pairs = zip(probabilities.argmax(1), probabilities.max(1), strict=True)
    return [f"{CLASSES[c]} {p:.0%}" for c, p in pairs]


def recorded_maps(folder: Path) -> tuple[list[int], dict[str, tuple]]:
    """The heat maps that `phantom_networks/make.py` left of the six networks.

    Returns:
        Which images of the test set, and network -> (maps (N, H, W) from 0 to 1, captions).
    """
    with np.load(folder / "maps.npz") as saved:
        rows = [int(row) for row in saved["rows"]]
        heats = {name: saved[name] / 255 for name in MODELS if name in saved.files}
    answers = {name: Run.read(folder / name).probabilities[rows] for name in heats}
    return rows, {NAMES[n]: (heat, captions(answers[n])) for n, heat in heats.items()}
