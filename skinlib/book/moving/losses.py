"""Chapter 4: the loss as a dial."""

import altair as alt

from skinlib.book.figures.style import BLUE
from skinlib.book.moving.style import GREY, WIDTH, choice, colours, one, slider, stack, words


def loss_dial(training_images: int) -> alt.VConcatChart:
    """What beta, the reading of eq. 4, the focusing and alpha make of the joint loss.

    The bar is the bound on the focal term's share. The curves are the loss of one sample and, below
    it, the size of its derivative with respect to the true class's logit; both are divided by the
    sum of the terms' weights, so that only their mixture shows.
    """
    controls = [
        slider("turn", "β = 0.0002 × 10 to the", 0, -1, 3.5, 0.1),
        choice(
            "s",
            "eq. 4 is",
            [32, 1, training_images],
            ["a sum over a batch", "a mean", "a sum over all images"],
        ),
        slider("focusing", "focusing ϱ", 3, 0, 5, 0.5),
        slider("alpha", "α", 1, 0.5, 50, 0.5),
    ]
    share = "alpha * beta * s / (1 - beta + alpha * beta * s)"
    beta = alt.param(name="beta", expr="0.0002 * pow(10, turn)")
    focal = alt.param(name="focal", expr=share)

    bar = (
        one()
        .transform_calculate(share="focal")
        .mark_bar(color=BLUE, height=18)
        .encode(
            alt.X("share:Q", title="share of the focal term, at most")
            .scale(domain=[0, 1])
            .axis(format="%"),
        )
        .properties(width=WIDTH, height=24)
    )
    factor = "pow(1 - datum.p, focusing)"
    slope = f"{factor} - focusing * datum.p * pow(1 - datum.p, focusing - 1) * log(datum.p)"
    loss = _curves("-log(datum.p)", factor, "loss of one sample", 5)
    pull = _curves("1 - datum.p", slope, "its pull on the logit", 1.6)
    said = words(
        "'β = ' + format(beta, '.2~g') + ', a sum of ' + format(s, ',') + ' × the mean'",
        "'β′: the focal term has ' + format(focal, '.2%') + ' of the loss at most'",
    )
    return stack(said, bar, loss, pull).add_params(*controls, beta, focal)


def _curves(cross: str, factor: str, title: str, top: float) -> alt.Chart:
    """Something of one sample over p: under cross-entropy, and under both losses together.

    Args:
        cross: what it is under cross-entropy, an expression of Vega.
        factor: what the focal loss multiplies that by.
        title: what it is, in words.
        top: of the axis.
    """
    both = f"datum.cross * (1 - focal + focal * ({factor}))"
    return (
        alt.Chart(alt.sequence(0.01, 1, 0.01, as_="p"))
        .transform_calculate(cross=cross)
        .transform_calculate(joint=both)
        .transform_fold(["cross", "joint"], as_=["which", "height"])
        .transform_calculate(kind="datum.which == 'cross' ? 'cross-entropy' : 'joint loss'")
        .mark_line(strokeWidth=2)
        .encode(
            alt.X("p:Q", title="p of the true class").scale(domain=[0, 1]),
            alt.Y("height:Q", title=title).scale(domain=[0, top]),
            colours({"cross-entropy": GREY, "joint loss": BLUE}),
            alt.StrokeDash("kind:N").scale(
                domain=["cross-entropy", "joint loss"], range=[[1, 0], [6, 3]]
            ),
        )
        .properties(width=WIDTH, height=130)
    )
