import keras


def test_published_size_and_last_map(outline):
    model = outline("vgg16", (224, 224, 3), 1000)
    assert model.count_params() == 138_357_544
    assert tuple(model.get_layer("block5_conv3").output.shape) == (None, 14, 14, 512)
    assert [layer.name for layer in model.layers][-4:] == [
        "flatten", "dense1", "dense2", "probabilities",
    ]  # fmt: skip
    assert sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers) == 13
