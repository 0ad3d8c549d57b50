"""Chapter 10: from runs to what training well is worth.

`runs` is what `skinlib.runs.load` returns; shares are from 0 to 1, and an interval has the columns
`value`, `low`, `high`. What was not run is missing.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from skinlib.book import evidence, verdict
from skinlib.book.moving.experiments import decided
from skinlib.book.verdict import BOTH, ENOUGH
from skinlib.book.words import many
from skinlib.data.dataset import CLASSES
from skinlib.experiments import INGREDIENTS, LARGER, MIXTURES, SIDES, without_layers
from skinlib.intervals import (
    compare,
    interval_of_shares,
    interval_over_seeds,
    paired_difference,
    show,
    unsure,
)
from skinlib.scores import (
    arrays,
    bootstrap_weights,
    per_class,
    score_values,
    scores,
    weighted_scores,
)
from skinlib.training.recipe import Recipe

PAPER, *SINGLE = INGREDIENTS
_, SHORTER, *LATER, TOGETHER = MIXTURES
ALONE = (*SINGLE, *LARGER)
BALANCED = "balanced accuracy"
SCORES = ("accuracy", BALANCED, "melanoma recall")
BACK = ", prior put back"
PUT_BACK = f"accuracy{BACK}"
BALANCED_BACK = f"{BALANCED}{BACK}"
RANDOM, GROUPED, ISIC = "random split", "grouped split", "ISIC 2018"
TESTED = {RANDOM: "random", GROUPED: "grouped", ISIC: "grouped"}
"""Test set -> the split that the networks were trained on whose answers count."""
RESAMPLES = 500


def ingredients(runs: pd.DataFrame) -> pd.DataFrame:
    """What each ingredient adds to the paper's recipe, on images that neither was trained on.

    Returns:
        One row per ingredient and mixture that was run: `value`, `low`, `high` of the gain in
        balanced accuracy, as lesions are resampled; the scores themselves; `minutes` of training;
        and the balanced accuracy with the prior put back.
    """
    found = _tuned(runs)
    rows = {}
    for name in found.index if PAPER in found.index else ():
        run, paper = found["run"][name], found["run"][PAPER]
        gain = paired_difference(run, paper, BALANCED, resamples=RESAMPLES)
        minutes = found["seconds"][name] / 60
        own = {**gain, **score_values(run.predictions, SCORES)}
        back = score_values(decided(run.predictions, -1, 1), [BALANCED])[BALANCED]
        rows[name] = {**own, "minutes": minutes, BALANCED_BACK: back}
    columns = ["value", "low", "high", *SCORES, "minutes", BALANCED_BACK]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def later(runs: pd.DataFrame) -> str:
    """What the mixtures that came after the one in 20 epochs add to it, on the same images."""
    found = _tuned(runs)["run"]
    said = []
    for name in LATER:
        if name in found and SHORTER in found:
            gain = paired_difference(found[name], found[SHORTER], BALANCED, resamples=RESAMPLES)
            said.append(f"*{name}* {show(gain, signed=True)}{unsure(gain)}")
    if not said:
        return "What else was tried in the mixture: not yet run."
    return f"Beside the mixture in 20 epochs, in points of balanced accuracy: {'; '.join(said)}."


def ingredient_words(table: pd.DataFrame) -> pd.DataFrame:
    """`ingredients` for a page, in per cent and points."""
    words = pd.DataFrame(index=table.index)
    for score in SCORES:
        words[f"{score}, %"] = [show({"value": share}) for share in table[score]]
    gains = [show(row, signed=True) if name != PAPER else "" for name, row in table.iterrows()]
    words["gain, points"] = gains
    words["minutes"] = [f"{minutes:.0f}" for minutes in table["minutes"]]
    return words.rename_axis("ingredient")


def as_ablation(runs: pd.DataFrame, training: dict[str, Any]) -> pd.DataFrame:
    """The runs of another training, under the variants' names of the paper's ablation.

    So everything that asks about the proposed network can be asked about them.

    Args:
        runs: see above.
        training: what the recipe says, `skinlib.experiments.WELL` or `SHORT`.
    """
    variants = without_layers(training)
    names = {Recipe(**changes).variant: variant for variant, changes in variants.items()}
    found = runs[runs["variant"].isin(list(names))]
    return found.assign(variant=found["variant"].map(names))


def parts(runs: pd.DataFrame) -> pd.DataFrame:
    """What each part adds in balanced accuracy: one row per part with all its pairs of runs."""
    found = verdict.parts(runs, columns=[BALANCED])
    rows = {part: answer.numbers[BALANCED] for part, answer in found.items() if answer.numbers}
    return pd.DataFrame(rows, index=["value", "low", "high"], dtype=float).T


def looks(runs: pd.DataFrame, place: str) -> pd.DataFrame:
    """The looks at a test set: the scores of each training, one row per seed.

    Args:
        runs: see above.
        place: a test set of `TESTED`.

    Returns:
        Columns `SCORES`, and with `BACK` the same if each answer is multiplied by the share of its
        class in HAM10000.
    """
    rows = []
    for run in evidence.live(runs, variant="proposed", split=TESTED[place])["run"]:
        answers = run.isic2018_test if place == ISIC else run.predictions
        if answers is not None:
            row = {"seed": run.recipe.seed, **score_values(answers, SCORES)}
            for score, share in score_values(decided(answers, -1, 1), SCORES).items():
                row[score + BACK] = share
            rows.append(row)
    put_back = [score + BACK for score in SCORES]
    table = pd.DataFrame(rows, columns=["seed", *SCORES, *put_back]).set_index("seed")
    return table.astype(float).groupby(level="seed").mean()


def count_looks(runs: pd.DataFrame) -> int:
    """How often these runs looked at a test set; a validation part is none."""
    tested = runs[runs["split"].isin(BOTH)]
    return len(tested) + sum(run.isic2018_test is not None for run in tested["run"])


def ensemble(runs: pd.DataFrame) -> pd.DataFrame | None:
    """The mean answer of the trainings to ISIC 2018's test set, or None of fewer than two.

    Their own test sets differ, so there is none on those.
    """
    runs = evidence.live(runs, variant="proposed", split="grouped")["run"]
    answers = [run.isic2018_test for run in runs if run.isic2018_test is not None]
    if len(answers) < 2:
        return None
    names = list(CLASSES)
    mean = answers[0].copy()
    mean[names] = sum(table[names] for table in answers) / len(answers)
    return mean


def by_class(runs: pd.DataFrame) -> pd.DataFrame:
    """How much of each class is found on both test sets, as means over the trainings.

    `runs`: as in `looks`.

    Returns:
        One row per class, the largest loss first: recalls of `GROUPED` and `ISIC`, `change`, and
        how many `images` of it ISIC 2018's test set has.
    """
    found = evidence.live(runs, variant="proposed", split="grouped")
    found = [run for run in found["run"] if run.isic2018_test is not None]
    table = pd.DataFrame(index=list(CLASSES), columns=[GROUPED, ISIC], dtype=float)
    for place, answers in ((GROUPED, "predictions"), (ISIC, "isic2018_test")):
        recalls = [per_class(getattr(run, answers))["recall"] for run in found]
        if recalls:
            table[place] = pd.concat(recalls, axis=1).mean(axis=1)
    table["change"] = table[ISIC] - table[GROUPED]
    table["images"] = per_class(found[0].isic2018_test)["images"] if found else 0
    return table.dropna().sort_values("change")


def most_lost(table: pd.DataFrame) -> str:
    """Which three classes suffer most on new images; of `by_class`."""
    if table.empty:
        return "Which classes suffer on new images: not yet run."
    lost = table[table["change"] < 0].head(3)
    said = [
        f"{name} ({100 * row[GROUPED]:.0f} to {100 * row[ISIC]:.0f} %; "
        f"{row['images']:.0f} new images)"
        for name, row in lost.iterrows()
    ]
    return f"On new images the recall fell most for {', '.join(said) or 'no class'}."


def judged(recipes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Each score on each test set, recipe beside recipe, and the mean answer of the last.

    Args:
        recipes: name -> runs, of which the proposed network counts.

    Returns:
        One row per score and test set; columns (recipe, "value" | "low" | "high"): means over
        seeds, with Student's interval from three on.
    """
    rows = [f"{score}, {place}" for score in SCORES for place in TESTED]
    tables = {}
    for name, runs in recipes.items():
        found = {}
        for place in TESTED:
            looked = looks(runs, place)
            for score in SCORES if len(looked) else ():
                found[f"{score}, {place}"] = interval_of_shares(looked[score])
        tables[name] = pd.DataFrame(found).T
    *_, last = recipes.values()
    mean = ensemble(last)
    if mean is not None:
        table = scores(mean, SCORES)
        tables["mean of the trainings"] = table.set_axis([f"{score}, {ISIC}" for score in SCORES])
    tables = {name: table.reindex(rows) for name, table in tables.items() if len(table)}
    return pd.concat(tables, axis=1) if tables else pd.DataFrame(index=rows)


def goals(paper: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The goals of the chapter, set before the first run, and what was reached, in per cent.

    Args:
        paper: runs of the paper's recipe.
        runs: of the one that trains well, see `as_ablation`.

    Returns:
        One row per goal; columns `goal, %`, `reached, %` and `verdict`, as text.
    """
    mean = ensemble(runs)
    together = score_values(mean, [BALANCED])[BALANCED] if mean is not None else float("nan")
    rows = {
        f"{BALANCED}, {ISIC}, one network": (0.70, looks(runs, ISIC)[BALANCED].mean()),
        f"{BALANCED}, {ISIC}, the mean of several": (0.75, together),
        f"{PUT_BACK}, {GROUPED}: 5 points above the paper's recipe's best": (
            looks(paper, GROUPED)["accuracy"].max() + 0.05,
            looks(runs, GROUPED)[PUT_BACK].mean(),
        ),
    }
    words = {}
    for name, (goal, reached) in rows.items():
        missed = goal - reached
        words[name] = {
            "goal, %": show({"value": goal}),
            "reached, %": show({"value": reached}) or "not yet run",
            "verdict": f"missed by {100 * missed:.1f}" if missed > 0 else "met",
        }
        if pd.isna(missed):
            words[name]["verdict"] = ""
    return pd.DataFrame(words).T.rename_axis("goal")


def on_the_same_images(paper: pd.DataFrame, runs: pd.DataFrame) -> str:
    """The last goal again, seed by seed: both recipes on one test set. Arguments as in `goals`."""
    gains = (looks(runs, GROUPED)[PUT_BACK] - looks(paper, GROUPED)["accuracy"]).dropna()
    if gains.empty:
        return "Both recipes on the same test images: not yet run."
    return (
        "That goal compares the mean of trainings with the best of others. Seed by seed, on the "
        "same test images, the gain "
        f"with the prior put back is {show(interval_over_seeds(gains), signed=True)} points."
    )


def best(table: pd.DataFrame) -> str:
    """Which ingredients help, in a sentence; of `ingredients`."""
    alone = table.drop([PAPER, *MIXTURES], errors="ignore")
    if alone.empty:
        return "What each ingredient is worth: not yet run."
    found = alone.apply(compare, axis=1)
    sure = alone[found == "better"].sort_values("value", ascending=False)
    named = [f"*{name}* {100 * row['value']:+.1f}" for name, row in sure.iterrows()]
    text = (
        f"{len(alone)} of {len(ALONE)} ingredients were tried alone, one training each. The "
        "interval of a gain in balanced accuracy says how it would change with other lesions, not "
        f"with another seed. It lies above zero for {len(sure)}{' (' if named else ''}"
        f"{', '.join(named)}{' points)' if named else ''}, below it for {(found == 'worse').sum()}."
    )
    if TOGETHER in table.index:
        row = table.loc[TOGETHER]
        text += (
            f" The mixture that was taken gains {show(row, signed=True)} points: from "
            f"{100 * table.loc[PAPER, BALANCED]:.1f} to {100 * row[BALANCED]:.1f} %. With the "
            "prior put back, as the paper's recipe answers, it gains "
            f"{100 * (row[BALANCED_BACK] - table.loc[PAPER, BALANCED]):+.1f}. It was chosen on "
            "these images, so expect less on others."
        )
        if SHORTER in table.index:
            text += f" In 20 epochs it gains {show(table.loc[SHORTER], signed=True)}."
    missing = [name for name in (*ALONE, *MIXTURES) if name not in table.index]
    return text + (f" Not yet run: {', '.join(missing)}." if missing else "")


def on_random_splits(runs: pd.DataFrame, paper: float) -> str:
    """How near to the paper's accuracy a training comes that was tuned on validation images.

    `runs`: with `SHORT`, see `as_ablation`.
    """
    own = looks(runs, RANDOM)[PUT_BACK]
    if own.empty:
        return "The training of chapter 10 on a random split: not yet run."
    points = 100 * (paper - own.mean())
    return (
        "A training that was tuned on validation images for balanced accuracy (chapter 10; 64 x 64 "
        "pixels, 20 epochs, with the prior put back) has an accuracy of "
        f"{show(interval_of_shares(own))} % on random splits, {many(len(own), 'run')}: "
        f"{abs(points):.1f} points {'below' if points > 0 else 'above'} the paper's."
    )


def luck(runs: pd.DataFrame, *, resamples: int = 300) -> str:
    """How often luck alone looks like a sure gain: of lesions, and of a single pair of runs.

    `runs`: of the paper's recipe.
    """
    # P(one interval or more lies above zero), if they cover 95 %, and if they cover 92 %
    likely, most = (100 * (1 - (1 - tail) ** len(ALONE)) for tail in (0.025, 0.04))
    text = (
        f"If {len(ALONE)} ingredients had no effect, the luck of the lesions alone would pass one "
        f"or more off as a gain in at most {likely:.0f} of 100 such studies, or {most:.0f} if the "
        "intervals cover 92 % and not 95 (with few lesions of a class they may)."
    )
    own = runs[runs["model"] == "proposed"]  # rivals are no parts
    pairs = evidence.pairs(own, evidence.main_size(runs), BALANCED, resamples=resamples)
    if pairs.empty:
        return f"{text} What the luck of a seed adds: not yet run."
    above, below = pairs[pairs["low"] > 0], int((pairs["high"] < 0).sum())
    named = above.groupby(level="comparison").size()
    whose = ", ".join(f"{count} of {part.removeprefix('its ')}" for part, count in named.items())
    whose = f" ({whose})" if whose else ""
    have = "has" if len(above) == 1 else "have"
    return (
        f"{text} The luck of the seed comes on top: of the {len(pairs)} single pairs of runs that "
        f"compare the paper's parts at this size, {len(above)} {have} such an interval above "
        f"zero{whose} and {below} below it, where the luck of the lesions would give "
        f"{0.025 * len(pairs):.1f} of each. One such pair may be the luck of the seed or a small "
        "effect: alone it cannot tell."
    )


def new_images(recipes: Mapping[str, pd.DataFrame]) -> str:
    """How the second of two recipes does on new images beside the first; see `judged`."""
    before, after = (looks(runs, ISIC) for runs in recipes.values())
    pairs = before.index.intersection(after.index)
    if not len(pairs):
        return "How the network does on new images, trained well: not yet run."
    of_pairs = [runs[runs["seed"].isin(pairs)] for runs in recipes.values()]
    over_images = gains_over_images(*of_pairs)
    gains, said, sure = [], [], []
    for score in (BALANCED, "accuracy", "melanoma recall"):
        gain = interval_over_seeds((after[score + BACK] - before[score]).dropna())
        drawn = over_images.loc[score]
        ends = " to ".join(f"{100 * drawn[end]:+.1f}" for end in ("low", "high"))
        gains.append(f"{score} {show(gain, signed=True)}, over images {ends}")
        if compare(gain) == compare(drawn) == "better":
            sure.append(score)
        new, old = (100 * looked.loc[pairs, score].mean() for looked in (after, before))
        said.append(f"{score} {new:.1f} % instead of {old:.1f}")
    lead = (
        "Trained well and not as printed (many changes, batch normalisation and no joint loss "
        "among them), the proposed network does better on new images"
    )
    if len(sure) < len(gains):
        lead = f"On new images another training surely gains in {' and '.join(sure) or 'no score'}"
    text = (
        f"{lead}. On ISIC 2018's test set (64 x 64 pixels, "
        f"{many(len(pairs), 'training')} of each) it gains, seed by seed, in "
        f"points: {'; '.join(gains)}. (All trainings answer the same images, so the first interval "
        "leaves out the luck of these, and the second that of the trainings.) That is with the "
        "prior put back, so that it answers by the classes' shares as the printed recipe does. As "
        f"trained, it favours rare classes: {'; '.join(said)}."
    )
    if len(pairs) < ENOUGH:
        text += f" The rule asks for {ENOUGH}: this is not yet sure."
    return text


def gains_over_images(
    before: pd.DataFrame, after: pd.DataFrame, *, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """The gains on ISIC 2018's test set, with intervals that draw its images, class by class.

    `before`, `after`: runs of two recipes; the second answers with the prior put back.

    Returns:
        One row per score of `SCORES`: `value`, `low`, `high`.
    """
    means = []
    for runs, removed in ((before, 0), (after, -1)):
        found = evidence.live(runs, variant="proposed", split="grouped")["run"]
        answers = [run.isic2018_test for run in found if run.isic2018_test is not None]
        weights = bootstrap_weights(answers[0], resamples)
        weights[0] = 1  # the images as they are
        moved = [arrays(decided(table, removed, 1)) for table in answers]
        drawn = [weighted_scores(*both, weights, SCORES) for both in moved]
        means.append(sum(drawn) / len(drawn))
    gains = means[1] - means[0]
    low, high = gains.quantile(0.025), gains.quantile(0.975)
    return pd.DataFrame({"value": gains.loc[0], "low": low, "high": high})


def _tuned(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs on the validation part, seed 0: one row per ingredient or mixture."""
    found = evidence.live(runs, split="tuning", seed=0).drop_duplicates(["variant", "size"])
    found = found.set_index(["variant", "size"])
    tried = INGREDIENTS | {name: {} for name in LARGER} | MIXTURES
    keys = {name: (Recipe(**says).variant, SIDES.get(name, 64)) for name, says in tried.items()}
    names = [name for name, key in keys.items() if key in found.index]
    return found.loc[[keys[name] for name in names]].set_axis(names)
