import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinlib.data import CLASSES, load
from skinlib.data.dataset import IMAGES_PER_CLASS
from skinlib.data.phantom import draw
from skinlib.data.splits import grouped_split


@pytest.fixture(scope="module")
def drawn():
    return draw(200, 32, seed=1)


def test_one_seed_one_phantom(drawn):
    again = draw(200, 32, seed=1)
    for first, second in zip(drawn[:2], again[:2], strict=True):
        np.testing.assert_array_equal(first, second)
    assert drawn[2].equals(again[2])
    assert not np.array_equal(drawn[0], draw(200, 32, seed=2)[0])


def test_hams_proportions_and_no_class_forgotten(drawn):
    _, _, table = drawn
    counts = table["dx"].value_counts().reindex(CLASSES)
    assert counts.sum() == 200
    assert counts.min() >= 4
    np.testing.assert_allclose(counts["nv"] / 200, 6705 / sum(IMAGES_PER_CLASS), atol=0.05)


def test_masks_are_true_outlines(drawn):
    images, masks, _ = drawn
    assert set(np.unique(masks)) == {0, 1}
    area = masks.mean((1, 2))
    assert 0.01 < area.min() < area.max() < 0.7
    inside = np.array([i[m == 1].mean() for i, m in zip(images, masks, strict=True)])
    ring = np.array(
        [i[8:24, 8:24][m[8:24, 8:24] == 0].mean() for i, m in zip(images, masks, strict=True)]
    )
    assert (inside < ring)[np.isfinite(ring)].mean() > 0.95, "lesions are darker than skin"


def test_views_of_a_lesion_share_its_facts_but_not_its_pixels(drawn):
    images, _, table = drawn
    views = table.groupby("lesion_id").indices
    several = [rows for rows in views.values() if len(rows) > 1]
    assert several
    for rows in several:
        assert len(table.iloc[rows][["dx", "age", "sex", "localization"]].drop_duplicates()) == 1
        assert not np.array_equal(images[rows[0]], images[rows[1]])
    assert table["image_id"].is_unique


def test_views_of_a_lesion_have_its_shape():
    """Turned, moved and enlarged, an outline keeps the ratio of its spreads.

    The phantom's lesson on leakage rests on it: another view shows the same lesion.
    """
    _, masks, table = draw(300, 64, seed=1)
    spreads = np.array([np.linalg.eigvalsh(np.cov(np.argwhere(mask).T)) for mask in masks])
    elongation = np.log(spreads[:, 1] / spreads[:, 0])
    views = [rows[:2] for rows in table.groupby("lesion_id").indices.values() if len(rows) > 1]
    first, second = elongation[np.array(views).T]
    assert len(first) > 30
    assert np.corrcoef(first, second)[0, 1] > 0.95


def test_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SKINLIB_DATA", str(tmp_path))
    first = load("phantom", count=40, size=16)
    monkeypatch.setattr("skinlib.data.phantom.draw", None)
    second = load("phantom", count=40, size=16)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.masks, second.masks)
    assert isinstance(second.images, np.memmap)


@pytest.mark.parametrize(("count", "size"), [(39, 32), (40, 15)])
def test_too_little(count, size):
    with pytest.raises(ValueError, match="expected 40 images or more, of 16 pixels or more"):
        draw(count, size)


def test_mean_colours_do_not_give_the_class_away():
    """Otherwise no network would be needed."""
    dataset = load("phantom", count=800, size=32)
    split = grouped_split(dataset)
    means = dataset.images.mean((1, 2))
    linear = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    linear.fit(means[split.train], dataset.labels[split.train])
    score = balanced_accuracy_score(dataset.labels[split.test], linear.predict(means[split.test]))
    assert 1 / 7 < score < 0.45


def test_what_memory_cannot_hold_is_one_sentence():
    """The process was killed without a word."""
    with pytest.raises(ValueError, match=r"1,000 images of 20,000 pixels need .* GB of memory and"):
        load("phantom", size=20000)
