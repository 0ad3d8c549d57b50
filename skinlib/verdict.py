"""Chapter 8's rules: from records to a verdict on a claim of the paper."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from skinlib import metrics
from skinlib.records import Record

SEEDS = 5
"""Runs that are planned of each network."""

ENOUGH = 3
"""Runs, or pairs of runs, that a verdict takes at least."""

PAIRS = 6
"""Pairs that a verdict on a part takes: all that `sweep.ablation` plans, on two splits."""

NOT_RUN, UNDECIDED = "not yet run", "undecided"
REPRODUCED, PARTLY = "reproduced", "partly"
NOT_REPRODUCED = "not reproduced"

Records = Mapping[str, Record]


class Verdict(NamedTuple):
    """What was run, what came out, and what follows."""

    ran: str
    figure: str
    verdict: str


def runs_of(name: str, records: Records, split: str = "random") -> dict[int, Record]:
    """A network's records by seed; the paper's split is the random one."""
    titles = {seed: f"{name}_{split}_seed{seed}" for seed in range(SEEDS)}
    return {seed: records[title] for seed, title in titles.items() if title in records}


def gaps(first: str, second: str, records: Records, splits: Sequence[str]) -> list[float]:
    """How many points of accuracy `first` is ahead, a figure a pair of one split and seed."""
    found = []
    for split in splits:
        a, b = (runs_of(name, records, split) for name in (first, second))
        both = [(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys())]
        found += [100 * metrics.difference(*pair, resamples=1)["value"] for pair in both]
    return found


def sign(values: Sequence[float]) -> tuple[str, str]:
    """Whether the mean of paired differences is above zero, by Student's 95 % interval.

    Args:
        values: two differences or more, in points.

    Returns:
        The figure and the verdict. An interval that contains zero leaves the claim undecided:
        a few pairs would miss a difference of a point more often than not.
    """
    mean, low, high = metrics.student(values)
    figure = f"{mean:+.1f} ± {high - mean:.1f} points"
    if low > 0:
        return figure, REPRODUCED
    return figure, NOT_REPRODUCED if high < 0 else UNDECIDED


def score(published: float, name: str, full: Records, small: Records) -> Verdict:
    """The proposed network's score on the paper's split against the printed one.

    Args:
        published: the paper's figure, in per cent.
        name: of `metrics.SCORES`.
        full: records at 224 x 224, which decide.
        small: records at 64 x 64, which are shown while the others are missing.
    """
    runs, hints = (list(runs_of("proposed", records).values()) for records in (full, small))
    ran = f"{len(runs)} of {SEEDS} runs at 224 x 224, {len(hints)} at 64 x 64"
    decided = len(runs) >= ENOUGH
    if not decided and not hints:
        return Verdict(ran, "", UNDECIDED if runs else NOT_RUN)
    row = 100 * metrics.over_seeds(runs if decided else hints, name)[["value", "low", "high"]]
    figure = "{value:.1f} ({low:.1f} to {high:.1f})".format(**row)
    if not decided:
        return Verdict(ran, f"at 64 x 64: {figure}", UNDECIDED if runs else NOT_RUN)
    if row["low"] <= published <= row["high"]:
        return Verdict(ran, figure, REPRODUCED)
    return Verdict(ran, figure, PARTLY if abs(row["value"] - published) < 2 else NOT_REPRODUCED)


def better(rival: str, full: Records, small: Records, *, part: bool = False) -> Verdict:
    """Whether the proposed network is more accurate than a rival.

    Args:
        rival: the name that its runs begin with.
        full: records at 224 x 224.
        small: records at 64 x 64; they decide only where the rival is the proposed network
            without one of its parts.
        part: whether it is. Then pairs of both splits count, `PAIRS` of them: a verdict after
            each new pair would be right less often than its interval says. Else those of the
            paper's split alone, `ENOUGH` of them.
    """
    splits, enough = (("random", "grouped"), PAIRS) if part else (("random",), ENOUGH)
    large, little = (gaps("proposed", rival, records, splits) for records in (full, small))
    ran = f"{len(large)} pairs of runs at 224 x 224, {len(little)} at 64 x 64"
    if len(large) >= enough:
        return Verdict(ran, *sign(large))
    if part and len(little) >= enough:
        figure, verdict = sign(little)
        return Verdict(ran, figure, f"{verdict}, at 64 x 64")
    hint = ", ".join(f"{gap:+.1f}" for gap in little)
    too_few = large or (part and little)
    return Verdict(
        ran, f"at 64 x 64: {hint} points" if hint else "", UNDECIDED if too_few else NOT_RUN
    )


def cheaper(costs: pd.Series, ran: str) -> Verdict:
    """Whether the proposed network costs less than its rivals.

    Args:
        costs: one figure a network, `proposed` among them.
        ran: what was measured.
    """
    ratio = costs.drop("proposed") / costs["proposed"]
    wins, half = (ratio > 1).sum(), len(ratio) / 2
    verdict = REPRODUCED if wins == len(ratio) else PARTLY if wins > half else NOT_REPRODUCED
    return Verdict(ran, f"{ratio.min():.1f} to {ratio.max():.1f} times less", verdict)


def points_better(rivals: Sequence[str], maps: pd.DataFrame) -> Verdict:
    """Whether the proposed network's heat maps overlap more with the lesion than others do.

    Args:
        rivals: the others, networks or controls.
        maps: a row a network, seed and picture; columns `network`, `seed`, `overlap` (0 to 1).

    Returns:
        By `sign`, on the differences of the mean overlap, one a training. Undecided with fewer
        than `ENOUGH` trainings of each, with a rival missing, or where all intervals contain zero.
    """
    means = 100 * maps.pivot_table(index="seed", columns="network", values="overlap")
    measured = [name for name in rivals if name in means]
    means = means[["proposed", *measured]].dropna()  # the trainings that all have
    gaps = {name: means["proposed"] - means[name] for name in measured}
    ran = f"{len(measured)} of {len(rivals)} others at 64 x 64, trainings of each: {len(means)}"
    if len(means) < ENOUGH:
        said = [f"{name} {', '.join(f'{gap:+.1f}' for gap in gaps[name])}" for name in measured]
        return Verdict(ran, f"overlap against {'; '.join(said)} points", UNDECIDED)
    signs = {name: sign(gap) for name, gap in gaps.items()}
    figure = "; ".join(f"{name} {points}" for name, (points, _) in signs.items())
    found = [verdict for _, verdict in signs.values()]
    wins, losses = found.count(REPRODUCED), found.count(NOT_REPRODUCED)
    without = NOT_REPRODUCED if losses else UNDECIDED
    verdict = REPRODUCED if wins == len(rivals) else PARTLY if wins else without
    if len(measured) < len(rivals):
        verdict = UNDECIDED
    return Verdict(ran, f"overlap against {figure}", f"{verdict}, at 64 x 64")


def rare_classes(reading: str, sweep: Records) -> Verdict:
    """Whether the joint loss raises the mean recall of the four rarest classes.

    Args:
        reading: of eq. 4, as the sweep's runs name it.
        sweep: chapter 4's runs of `skinlib.models.small` on the phantom, with the paper's beta and
            with plain cross-entropy.
    """
    gains = []
    for title, base in sweep.items():
        joint = sweep.get(title.replace("cross_entropy", f"beta_0.0002_{reading}"))
        if title.startswith("cross_entropy") and joint:
            recall = [metrics.per_class(r)["recall"] for r in (joint, base)]
            gains.append(100 * (recall[0] - recall[1])[["akiec", "bcc", "df", "vasc"]].mean())
    ran = f"{len(gains)} pairs of runs of chapter 4's small network"
    if len(gains) < ENOUGH:
        return Verdict(ran, "", UNDECIDED if gains else NOT_RUN)
    figure, verdict = sign(gains)
    return Verdict(ran, f"recall {figure}", f"{verdict}, on the phantom")
