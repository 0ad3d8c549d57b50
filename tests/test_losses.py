import keras
import numpy as np
import pytest
from gradients import gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss

from skinlib.losses import JointLoss, cross_entropy, focal_loss

CLASSES = 7
seeds = st.integers(0, 2**32 - 1)
READINGS = ("batch_sum", "mean", "dataset_sum")


def numpy(x):
    return ops.convert_to_numpy(x)


def samples(seed=0, count=6, scale=2.0):
    """Logits, probabilities, one-hot labels, labels."""
    random = np.random.default_rng(seed)
    logits = (scale * random.normal(size=(count, CLASSES))).astype("float32")
    labels = random.integers(CLASSES, size=count)
    return logits, softmax(logits, axis=1), np.eye(CLASSES, dtype="float32")[labels], labels


def joint(reading="mean", **options):
    if reading == "dataset_sum":
        options.setdefault("dataset_size", 510)
    return JointLoss(focal_reduction=reading, **options)


def reference(logits, labels, focusing=3.0, alpha=None):
    """Eq. 3's and eq. 4's summands, word by word, in float64."""
    log_p = log_softmax(logits.astype(float), axis=1)
    alpha = np.ones(CLASSES) if alpha is None else np.asarray(alpha)
    rows = np.arange(len(labels))
    cross = -log_p[rows, labels]
    p = np.exp(-cross)
    return cross, alpha[labels] * (1 - p) ** focusing * cross


def test_a_column_of_labels_is_refused():
    """It once broadcast to a loss without a meaning."""
    _, p, _, labels = samples()
    with pytest.raises(ValueError, match=r"labels: expected \(N,\) .* got \(6, 1\)"):
        JointLoss()(labels[:, None], p)


def test_labels_of_other_images_are_refused():
    """One label once counted for all."""
    one_hot, p, *_ = samples()
    for labels, answers in ((one_hot[:1], p), (one_hot, p[:1]), (one_hot[:1].argmax(1), p)):
        with pytest.raises(ValueError, match=r"labels: expected \(N,\) class indices or rows"):
            cross_entropy(labels, answers)


@given(seeds)
@settings(deadline=None, max_examples=20)
def test_cross_entropy_is_that_of_keras_and_scikit_learn(seed):
    logits, p, one_hot, labels = samples(seed)
    ours = numpy(cross_entropy(one_hot, p))
    assert ours.shape == labels.shape
    theirs = numpy(keras.losses.categorical_crossentropy(one_hot, p))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    expected = log_loss(labels, softmax(logits.astype(float), axis=1), labels=range(CLASSES))
    assert ours.mean() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        numpy(cross_entropy(one_hot, logits, from_logits=True)), ours, rtol=1e-4, atol=1e-6
    )


@given(seeds, st.floats(0, 5), st.floats(0.01, 4))
@settings(deadline=None, max_examples=20)
def test_focal_loss_is_that_of_keras(seed, focusing, alpha):
    logits, p, one_hot, _ = samples(seed)
    theirs = keras.losses.categorical_focal_crossentropy(one_hot, p, alpha=alpha, gamma=focusing)
    ours = focal_loss(one_hot, p, focusing, alpha)
    np.testing.assert_allclose(numpy(ours), numpy(theirs), rtol=2e-3, atol=1e-6)
    ours = focal_loss(one_hot, logits, focusing, alpha, from_logits=True)
    np.testing.assert_allclose(numpy(ours), numpy(theirs), rtol=2e-3, atol=1e-6)


def test_by_hand():
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], "float32")
    one_hot = np.array([[1, 0, 0], [0, 0, 1]], "float32")
    cross = [np.log(2), np.log(10)]
    focal = [2 * 0.5**3 * np.log(2), 5 * 0.9**3 * np.log(10)]
    np.testing.assert_allclose(numpy(cross_entropy(one_hot, p)), cross, rtol=1e-6)
    ours = focal_loss(one_hot, p, alpha=(2, 3, 5))
    np.testing.assert_allclose(numpy(ours), focal, rtol=1e-5)

    mean, total = np.mean(cross), np.sum(focal)
    for reading, expected in (
        ("batch_sum", 0.6 * mean + 0.4 * total),
        ("mean", 0.6 * mean + 0.4 * total / 2),
        ("dataset_sum", 0.6 * mean + 0.4 * 510 * total / 2),
    ):
        loss = joint(reading, beta=0.4, alpha=(2, 3, 5))
        assert float(loss(one_hot, p)) == pytest.approx(expected, rel=1e-5)


def test_the_papers_setting_is_the_default():
    loss = JointLoss()
    assert (loss.beta, loss.focusing, loss.focal_reduction) == (0.0002, 3.0, "batch_sum")


@pytest.mark.parametrize("reading", READINGS)
def test_beta_0_and_1_are_the_ends(reading):
    _, p, one_hot, _ = samples()
    factor = {"batch_sum": 6, "mean": 1, "dataset_sum": 510}[reading]
    assert float(joint(reading, beta=0)(one_hot, p)) == pytest.approx(
        float(ops.mean(cross_entropy(one_hot, p)))
    )
    assert float(joint(reading, beta=1)(one_hot, p)) == pytest.approx(
        factor * float(ops.mean(focal_loss(one_hot, p))), rel=1e-5
    )


@given(seeds, st.sampled_from(READINGS), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_the_focal_share_of_the_loss_has_the_bound_of_chapter_04(seed, reading, beta):
    _, p, one_hot, _ = samples(seed)
    factor = {"batch_sum": 6, "mean": 1, "dataset_sum": 510}[reading]
    total = float(joint(reading, beta=beta)(one_hot, p))
    cross = (1 - beta) * float(ops.mean(cross_entropy(one_hot, p)))
    bound = beta * factor / (1 - beta + beta * factor)
    assert (total - cross) / total <= bound + 1e-5


def test_class_weights_and_sample_weights():
    logits, p, one_hot, labels = samples()
    weights = np.linspace(0.5, 3, CLASSES)
    cross, focal = reference(logits, labels)
    each = (0.7 * cross + 0.3 * focal) * weights[labels]
    loss = joint(beta=0.3, class_weights=weights)
    assert float(loss(one_hot, p)) == pytest.approx(each.mean(), rel=1e-5)

    sample_weight = np.array([0, 1, 2, 0.5, 3, 1])
    assert float(loss(one_hot, p, sample_weight)) == pytest.approx(
        (sample_weight * each).sum() / 6, rel=1e-5
    )
    plain = joint(beta=0.3)
    assert float(plain(one_hot, p, weights[labels])) == pytest.approx(each.mean(), rel=1e-5)


def test_class_indices_do_as_well():
    logits, p, one_hot, labels = samples()
    np.testing.assert_array_equal(cross_entropy(labels, p), cross_entropy(one_hot, p))
    np.testing.assert_array_equal(focal_loss(labels, p), focal_loss(one_hot, p))
    assert float(joint(from_logits=True)(labels, logits)) == float(
        joint(from_logits=True)(one_hot, logits)
    )


@given(seeds, st.floats(0, 5))
@settings(deadline=None, max_examples=20)
def test_soft_labels_weigh_the_classes(seed, focusing):
    """Label smoothing, mixup and CutMix give such labels. Their loss was once exactly 0."""
    logits, p, _, _ = samples(seed)
    soft = np.random.default_rng(seed).dirichlet(np.ones(CLASSES), len(p)).astype("float32")
    alpha = np.linspace(0.5, 3, CLASSES)
    log_p = log_softmax(logits.astype(float), axis=1)
    cross = -(soft * log_p).sum(1)
    focal = -(soft * alpha * (1 - np.exp(log_p)) ** focusing * log_p).sum(1)
    for prediction, from_logits in ((p, False), (logits, True)):
        ours = cross_entropy(soft, prediction, from_logits)
        np.testing.assert_allclose(numpy(ours), cross, rtol=1e-4, atol=1e-6)
        ours = focal_loss(soft, prediction, focusing, alpha, from_logits)
        np.testing.assert_allclose(numpy(ours), focal, rtol=1e-3, atol=1e-6)
    theirs = keras.losses.categorical_focal_crossentropy(soft, p, alpha=1.0, gamma=focusing)
    np.testing.assert_allclose(numpy(focal_loss(soft, p, focusing)), numpy(theirs), rtol=2e-3)

    weights = np.linspace(0.5, 3, CLASSES)
    loss = joint(beta=0.0, class_weights=weights)
    expected = -(soft * weights * log_p).sum(1).mean()
    assert float(loss(soft, p)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("index", [-1, CLASSES])
def test_an_index_that_is_no_class_has_no_loss(index):
    """In a graph nothing can be raised; a number, such as 87.3, would hide it."""
    _, p, _, labels = samples()
    labels[2] = index
    for loss in (cross_entropy(labels, p), focal_loss(labels, p)):
        np.testing.assert_array_equal(np.isnan(numpy(loss)), np.arange(6) == 2)


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinite_logit_is_a_large_one(infinity):
    logits, _, one_hot, labels = samples()
    logits[0, labels[0]] = logits[1, (labels[1] + 1) % CLASSES] = infinity
    for function in (cross_entropy, focal_loss):
        ours = numpy(function(one_hot, logits, from_logits=True))
        large = numpy(function(one_hot, np.clip(logits, -1e30, 1e30), from_logits=True))
        np.testing.assert_array_equal(ours, large)
        assert np.isfinite(ours).all()
        slope = gradient(lambda z, f=function: f(one_hot, z, from_logits=True), logits)
        assert np.isfinite(slope).all()


@given(
    arrays("float32", (4, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)), st.floats(0, 5)
)
@settings(deadline=None, max_examples=25)
def test_no_logits_break_it(logits, focusing):
    one_hot = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    loss = JointLoss(beta=0.5, focusing=focusing, from_logits=True, class_weights=(1.0, 2.0, 3.0))
    assert np.isfinite(float(loss(one_hot, logits)))
    slope = gradient(lambda z: loss(one_hot, z), logits)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() < 1e3 or np.abs(logits).max() > 10


@given(
    arrays("float32", (4, 3), elements=st.sampled_from([0, 1e-45, 1e-30, 0.5, 1])),
    st.floats(0, 5),
)
@settings(deadline=None, max_examples=30)
def test_no_probabilities_break_it(p, focusing):
    p = p / np.maximum(p.sum(axis=1, keepdims=True), 1)  # a row may sum to less, never to more
    one_hot = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    for function in (cross_entropy, lambda y, x: focal_loss(y, x, focusing)):
        assert np.isfinite(numpy(function(one_hot, p))).all()
        slope = gradient(lambda x, f=function: ops.sum(f(one_hot, x)), p)
        assert np.isfinite(slope).all()


def test_a_small_probability_is_not_clipped():
    p = np.array([[1e-20, 1 - 1e-20]], "float32")
    one_hot = np.array([[1.0, 0.0]], "float32")
    assert float(cross_entropy(one_hot, p)[0]) == pytest.approx(20 * np.log(10), rel=1e-5)
    slope = gradient(lambda x: ops.sum(cross_entropy(one_hot, x)), p)
    np.testing.assert_allclose(slope, [[-1e20, 0]], rtol=1e-5)


def test_half_precision_is_computed_in_single():
    logits, _, one_hot, labels = samples(scale=20.0)
    cross, focal = reference(logits.astype("float16"), labels)
    ours = cross_entropy(one_hot, logits.astype("float16"), from_logits=True)
    assert numpy(ours).dtype == "float32"
    np.testing.assert_allclose(numpy(ours), cross, rtol=1e-5, atol=1e-6)
    ours = focal_loss(one_hot, logits.astype("float16"), from_logits=True)
    np.testing.assert_allclose(numpy(ours), focal, rtol=1e-4, atol=1e-6)


@given(seeds, st.floats(0, 5))
@settings(deadline=None, max_examples=15)
def test_gradient_has_its_closed_form(seed, focusing):
    """By logit j: w (p_j - y_j), w = (1-p)^f - f p (1-p)^(f-1) log p; cross-entropy: w = 1."""
    logits, p, one_hot, labels = samples(seed, scale=1.0)
    true = p[np.arange(len(labels)), labels][:, None].astype(float)
    weight = (1 - true) ** focusing
    weight -= focusing * true * (1 - true) ** (focusing - 1) * np.log(true)
    for function, factor in (
        (lambda z: cross_entropy(one_hot, z, True), 1),
        (lambda z: focal_loss(one_hot, z, focusing, from_logits=True), weight),
        (lambda z: focal_loss(one_hot, ops.softmax(z), focusing), weight),
    ):
        slope = gradient(lambda z, f=function: ops.sum(f(z)), logits)
        np.testing.assert_allclose(slope, factor * (p - one_hot), rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="float64 is a switch in JAX")
@pytest.mark.parametrize("focusing", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("from_logits", [False, True])
def test_gradients_in_float64(focusing, from_logits):
    logits, p, one_hot, _ = samples(scale=1.0)
    x = (logits if from_logits else p).astype("float64")

    def total(x):
        loss = 0.3 * focal_loss(one_hot, x, focusing, 0.25, from_logits)
        return ops.sum(loss + 0.7 * cross_entropy(one_hot, x, from_logits))

    slope = gradient(total, x)
    assert slope.dtype == "float64"
    step, numeric = 1e-6, np.empty_like(x)
    for index in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        numeric[index] = (float(total(up)) - float(total(down))) / (2 * step)
    np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("kind", [tuple, np.array])
def test_saved_with_its_model(tmp_path, kind):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    options = {
        "beta": 0.3, "focusing": 2.0, "alpha": kind((0.2, 0.8)), "class_weights": kind((1.0, 2.0)),
        "focal_reduction": "dataset_sum", "dataset_size": 40, "from_logits": True,
    }  # fmt: skip
    lists = ("alpha", "class_weights")
    model.compile("sgd", JointLoss(**options))
    x, y = np.ones((4, 3)), np.eye(2)[[0, 1, 1, 0]]
    value = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(value)
    for name, expected in options.items():
        actual = getattr(loaded.loss, name)
        assert (list(actual) == list(expected)) if name in lists else (actual == expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 1.5}, "beta: expected a share from 0 to 1, got 1.5"),
        ({"focusing": -1.0}, "focusing: expected 0 or more, got -1.0"),
        ({"focal_reduction": "sum"}, "got 'sum'"),
        ({"focal_reduction": "dataset_sum"}, "got None with 'dataset_sum'"),
        (
            {"focal_reduction": "dataset_sum", "dataset_size": 0},
            "dataset_size: expected 1 or more, got 0",
        ),
        ({"dataset_size": 100}, "got 100 with 'batch_sum'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        JointLoss(**options)


@pytest.mark.parametrize("name", ["alpha", "class_weights"])
@pytest.mark.parametrize("values", [[1.0], [1.0] * 8, [[1.0] * 7]])
def test_numbers_per_class_have_one_for_each(name, values):
    _, p, one_hot, _ = samples()
    with pytest.raises(ValueError, match=rf"{name}: expected one number per class, 7, got \("):
        JointLoss(**{name: values})(one_hot, p)


def test_one_output_is_refused():
    """A single sigmoid: its loss would be that of a class that is always right."""
    with pytest.raises(ValueError, match=r"two classes or more, got \(2, 1\)"):
        JointLoss()(np.array([0, 1]), np.array([[0.2], [0.8]], "float32"))


def test_a_negative_focusing_is_refused():
    _, p, one_hot, _ = samples()
    with pytest.raises(ValueError, match=r"focusing: expected 0 or more, got -0\.5"):
        focal_loss(one_hot, p, -0.5)
