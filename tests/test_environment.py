import pytest

from skinlib import environment


@pytest.mark.parametrize(("cards", "wanted"), [([], None), (["H200"], None), (["H200"], "gpu")])
def test_a_card_is_used_where_there_is_one(monkeypatch, cards, wanted):
    monkeypatch.setattr(environment, "gpus", lambda: cards)
    if wanted:
        monkeypatch.setenv("SKINLIB_DEVICE", wanted)
    assert environment.on_gpu() is bool(cards)


def test_the_gpu_kernel_without_a_card_says_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(environment, "gpus", list)
    monkeypatch.setenv("SKINLIB_DEVICE", "gpu")
    with pytest.raises(environment.DeviceError, match=r"is for a GPU and \w+ sees none: .*doctor"):
        environment.on_gpu()
