"""A benchmark of super-resolution: what is measured of each way, and the demo that does it."""

import runpy

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan import Tensor, metrics
from scratchgan.data import DataError, bicubic
from scratchgan.lab.superres import benchmark, enlarged, middle
from scratchgan.models import autoencoder, srgan
from scratchgan.models.superres import SRResNet, as_floats
from scratchgan.training.run import TrainingError


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def network(rng, channels=3):
    return SRResNet(rng, channels, width=2, blocks=1, up=(8, 4)), srgan.discriminator(rng, 8, channels, 2, 2)


def model(channels=3):
    return srgan.build(np.random.default_rng(0), networks=lambda rng: network(rng, channels), pretraining=None)


PAIRS = [("a", noise(3, 20, 24), noise(3, 5, 6)), ("b", noise(3, 24, 16), noise(3, 6, 4))]


def test_the_numbers_are_means_over_pictures_by_the_papers_protocol():
    numbers, pictures = benchmark(model(), PAIRS)
    assert list(numbers) == ["nearest", "bicubic", "SRResNet"] and list(pictures[0]) == [*numbers, "true"]
    for way, row in numbers.items():
        each = [
            np.concatenate(metrics.as_published(as_floats(picture[way][None]), as_floats(large[None])))
            for picture, (_, large, _) in zip(pictures, PAIRS)
        ]
        assert list(row.values()) == pytest.approx(np.mean(each, axis=0))
    np.testing.assert_array_equal(pictures[1]["bicubic"], bicubic.larger(PAIRS[1][2], 4))
    np.testing.assert_array_equal(pictures[0]["true"], PAIRS[0][1])


def test_grey_pictures_stay_grey_and_are_the_mean_of_what_the_network_makes():
    large, small = noise(1, 20, 20), noise(1, 5, 5)
    one = model()
    ways = enlarged(one, large, small)
    np.testing.assert_array_equal(ways["bicubic"], bicubic.larger(small, 4))
    made = one.enlarged(Tensor(as_floats(small[None].repeat(3, 1))))["SRResNet"][0]
    np.testing.assert_allclose(ways["SRResNet"], made.mean(0, keepdims=True), atol=0.6)
    assert enlarged(model(1), large, small)["SRResNet"].shape == (1, 20, 20)


def test_what_cannot_be_enlarged_is_refused():
    with pytest.raises(DataError, match="the run has learned grey ones"):
        enlarged(model(1), *PAIRS[0][1:])
    with pytest.raises(DataError, match="enlarged 4 times"):
        enlarged(model(), noise(3, 10, 10), noise(3, 5, 5))
    with pytest.raises(TrainingError, match="Autoencoder does not enlarge images"):
        benchmark(autoencoder.build(np.random.default_rng(0)), PAIRS)


def test_the_middle_of_a_picture():
    picture = noise(3, 7, 10)
    np.testing.assert_array_equal(middle(picture, 4), picture[:, 1:5, 3:7])
    np.testing.assert_array_equal(middle(picture[:1], 7), picture[:1, :, 1:8].repeat(3, 0))


def test_the_demo_leaves_a_table_and_a_picture(tmp_path, monkeypatch, capsys):
    for name, *images in PAIRS:
        for half, image in zip(("HR", "LR"), images):
            Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / f"{name}_{half}.png")
    demo = runpy.run_path(str(DEMOS / "super_resolution.py"))
    monkeypatch.setitem(demo["experiment"].__globals__, "load_model", lambda run: model())
    flags = type("Flags", (), {"run": tmp_path, "pairs": tmp_path})
    numbers, claims = demo["experiment"](flags, tmp_path)
    assert numbers == benchmark(model(), PAIRS)[0]
    assert claims[0].value == numbers["SRResNet"]["PSNR"] and claims[0].low == numbers["bicubic"]["PSNR"]
    assert "2 pictures" in (printed := capsys.readouterr().out) and f"{numbers['bicubic']['SSIM']:.4f}" in printed
    with Image.open(tmp_path / "super_resolution.png") as image:
        assert image.size[0] > 4 * 16 and image.size[1] > 2 * 16
