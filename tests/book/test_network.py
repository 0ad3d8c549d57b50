"""Chapter 5's tables: counts against arithmetic, the pulse of a run, and what costs say."""

import json
from types import SimpleNamespace

import pandas as pd

from skinlib.book import network

TABLE1 = pd.DataFrame({"accuracy": [88.0, 85]}, index=["proposed", "alexnet"])
SIGNS = {
    "deformable": {
        "offset_mean": 0.3,
        "offset_p95": 0.8,
        "mask_mean": 0.6,
        "mask_std": 0.1,
    },
    "attention": {"gamma": 0.02, "top_tenth": 0.25, "uniform": 0.125},
    "dead_relu": {"share": 0.1, "layers": {"conv5": 0.2, "dense1": 0.5}},
    "dead": [],
}


def run(**signs):
    return SimpleNamespace(config={"vital_signs": {**SIGNS, **signs}})


def test_readings():
    """Wider dense layers, and one pool before attention less."""
    options = {"ours": {}, "wide": {"dense": (16, 8)}, "late": {"pools": (4, 5, 6, 9, 10)}}
    found = network.readings(options, size=64)
    flat = 2 * 2 * 64  # five pools halve 64 pixels to 2
    ours = (flat + 1) * 512 + 513 * 512 + 513 * 7
    wide = (flat + 1) * 16 + 17 * 8 + 9 * 7
    gap = found.loc["ours", "parameters"] - found.loc["wide", "parameters"]
    assert gap == ours - wide
    assert list(found["map"]) == [4, 4, 8]
    assert found.loc["late", "parameters"] == found.loc["ours", "parameters"]
    assert found.loc["late", "multiply-adds"] > found.loc["ours", "multiply-adds"]


def test_pulse():
    found = network.pulse(run())
    expected = [0.3, 0.8, 0.6, 0.1, 0.02, 0.25, 0.1]
    assert list(found["trained"]) == expected
    assert list(found["fresh"][:-1]) == [0, 0, 0.5, 0, 0.01, 0.125]


def test_pulse_in_words():
    text = network.pulse_in_words(run())
    assert "No part of it is dead" in text
    assert "10.0% are zero on every test image, most often in `dense1`: 50.0%." in text
    text = network.pulse_in_words(
        run(dead=["the offsets never moved"], dead_relu={"share": 0, "layers": {}})
    )
    assert "Not all of it is alive: the offsets never moved." in text


def test_costs(tmp_path):
    path = tmp_path / "models.json"
    place = {"gpus": [], "processor": "Abacus", "cores": 2, "date": "2026-01-01"}
    place |= {"packages": {"keras": "3"}, "backend": "jax"}
    record = {
        "environment": place,
        "settings": {"batch": 8, "size": 224},
        "models": {
            "alexnet": dict.fromkeys(network.COSTS, 9),
            "proposed": dict.fromkeys(network.COSTS, 2),
        },
    }
    path.write_text(json.dumps(record))
    assert list(network.costs(path, TABLE1)["parameters"]) == [2, 9]
    assert network.machine(path) == (
        "Measured on 2026-01-01: Abacus, 2 cores;\n"
        "Keras 3 on jax, steps of 8 images of 224 x 224 pixels."
    )


def test_work_claim():
    ratio = pd.DataFrame({"training step": [2, 1.05, 3], "prediction": [2, 2, 1.2]})
    text = network.work_claim(ratio, pd.Series([100, 300, 250]))
    assert "less time than those of 2 of 3 baselines" in text
    assert "up to 3.0 times as many" in text


def test_size_claim():
    rivals = pd.Series({"alexnet": 58e6, "vgg16": 134e6, "arl14": 8e6})
    text = network.size_claim({"512": 2_698_851, "4096": 30_485_603, "big": 10**9}, rivals)
    assert text.splitlines() == [
        "- 512: 2.7 million parameters, fewer than each of the 3 baselines.",
        "- 4096: 30.5 million parameters, fewer than AlexNet and VGG16, more than ARL14.",
        "- big: 1000.0 million parameters, fewer than no baseline.",
    ]
