"""How verdicts are shown."""

import base64
import re
import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib.figure import Figure

from skinlib.book import ledger
from skinlib.book.verdict import Kind, Verdict

ROW = {"value": 0.1, "low": 0.05, "high": 0.15}


def test_every_kind_has_a_sign():
    assert set(ledger.SIGNS) == set(Kind)
    assert len({sign for sign, _ in ledger.SIGNS.values()}) == len(Kind)


@pytest.mark.parametrize("colour", [colour for _, colour in ledger.SIGNS.values()])
def test_white_is_legible_on_its_colour(colour):
    """A contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) > 4.5


def test_a_row_has_the_claim_the_verdict_and_the_numbers():
    claims = {
        "a < b": Verdict(
            Kind.REPRODUCED, {"F1": ROW}, evidence={"pairs": 3, "dead runs left out": 0}
        ),
        "c": Verdict(Kind.NOT_RUN),
    }
    table = ElementTree.fromstring(ledger.ledger(claims).data)
    rows = [" ".join(row.itertext()) for row in table.find("tbody")]
    assert rows == [
        "a < b ✓ reproduced F1 +10.0 (+5.0 to +15.0) points pairs: 3",
        "c … not yet run",
    ]
    assert [head.get("scope") for head in table.iter("th")] == ["col"] * 3 + ["row"] * 2


def test_many_numbers_are_counted():
    worse = {"value": -0.1, "low": -0.15, "high": -0.05}
    rows = {"a": ROW, "b": ROW, "c": worse, "d": {"value": 0, "low": -1, "high": 1}}
    assert ledger.numbers(Verdict(Kind.PARTLY, rows)) == ["better in 2 of 4, worse in 1"]


def test_the_conclusion_counts_and_names():
    groups = {
        "scores": {"a": Verdict(Kind.REPRODUCED), "b": Verdict(Kind.NOT_RUN)},
        "cost": {"c": Verdict(Kind.NOT_REPRODUCED), "d": Verdict(Kind.REPRODUCED, place="64 x 64")},
    }
    assert ledger.conclusion(groups).split("\n\n") == [
        "Of 4 claims of the paper, 2 are reproduced, 1 is not reproduced, 1 is not yet run. Not "
        "decided by the paper's 224 x 224 pixels, but by images of 64 x 64 pixels: 1.",
        "**Holds:** a; d.",
        "**Does not hold:** c.",
        "**Open, for want of runs, for their scatter, or since the effect is small:** "
        "scores (1 of 2).",
    ]


def test_findings_are_escaped_and_lead_with_their_first_sentence():
    found = ledger.sentences(["a < b, *best* of all", "It is 5.2 %. That is much. Yes."]).data
    first = "<li><strong>a &lt; b, <em>best</em> of all</strong></li>"
    second = "<li><strong>It is 5.2&nbsp;%.</strong> That is much. Yes.</li>"
    assert found == f"<ol>{first}{second}</ol>"


def test_a_picture_has_alternative_text():
    html = ledger.picture(Figure(figsize=(5, 1)), 'so "high"').data
    image = ElementTree.fromstring(html.replace('%" alt', '%" alt').replace('">', '"/>'))
    assert image.get("alt") == 'so "high"'
    pixels = re.search("base64,(.*)", image.get("src")).group(1)
    assert base64.b64decode(pixels).startswith(b"\x89PNG")


def test_a_forest_counts_from_where_a_claim_turns():
    score = {"accuracy": {"value": 0.80, "low": 0.79, "high": 0.82, "paper": 0.88}}
    two = {"F1": ROW, "recall": {"value": 0.2, "low": -0.1, "high": 0.5}}
    groups = {
        "scores": {"as printed": Verdict(Kind.NOT_REPRODUCED, score, unit="%")},
        "parts": {"helps": Verdict(Kind.PARTLY, two), "waits": Verdict(Kind.NOT_RUN)},
        "new images": {"robust": Verdict(Kind.UNDECIDED, {"F1": {**ROW, "turns": -0.02}})},
        "counted": {"all classes": Verdict(Kind.PARTLY, dict.fromkeys("abcd", ROW))},
        "cost": {"faster": Verdict(Kind.REPRODUCED, {"step": ROW}, unit="times")},
    }
    table = ledger.forest(groups)
    assert list(table.index) == ["✗ as printed: accuracy", "◐ helps: recall", "? robust: F1"]
    shares = table[["value", "low", "high"]].to_numpy().ravel()
    robust = [ROW[end] + 0.02 for end in ("value", "low", "high")]
    assert list(map(float, shares)) == pytest.approx([-0.08, -0.09, -0.06, 0.2, -0.1, 0.5, *robust])
    kinds = (Kind.NOT_REPRODUCED, Kind.PARTLY, Kind.UNDECIDED)
    assert list(table["colour"]) == [ledger.SIGNS[kind][1] for kind in kinds]
    assert ledger.forest({"parts": {"waits": Verdict(Kind.NOT_RUN)}}).empty
