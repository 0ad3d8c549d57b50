import keras
import numpy as np

from skinlib.training.compile import compile_model


def test_tensorflow_traces_a_training_step_once(in_a_graph):
    """Keras made variables in the first batch, so that each step was traced twice."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    compile_model(model, keras.optimizers.Adam(0.1), metrics=["accuracy"])
    traced, step = [], model.train_step
    model.train_step = lambda data: traced.append(data) or step(data)
    x, y = np.ones((10, 3), "float32"), np.eye(2, dtype="float32")[[0, 1] * 5]
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert len(traced) == 1
