def test_published_size_and_last_map(outline):
    model = outline("resnet50", (224, 224, 3), 1000)
    assert model.count_params() == 25_636_712
    assert tuple(model.get_layer("conv5_block3_out").output.shape) == (None, 7, 7, 2048)
