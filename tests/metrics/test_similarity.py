"""How alike two images are: PSNR, SSIM under both windows, luminance, sharpness; and what a paper prints."""

import numpy as np
import pytest
from photographs import SETS, pairs

from scratchgan import metrics
from scratchgan.data.bicubic import larger
from scratchgan.metrics.similarity import rounded_window


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


A, B = images(2, 3, 9, 12), images(2, 3, 9, 12, seed=1)


def test_psnr_is_the_logarithm_of_the_mean_error_of_each_pair():
    """Against white, black has an error of 1, and half of it one of a quarter."""
    white = np.ones((2, 1, 2, 2))
    np.testing.assert_allclose(metrics.psnr(np.stack([-white[0], 0 * white[0]]), white), [0, 10 * np.log10(4)])
    errors = (((A - B) / 2) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(metrics.psnr(A, B), -10 * np.log10(errors))
    assert (metrics.psnr(A, A) == np.inf).all()


def ssim_by_height_by_hand(a, b):
    """At every pixel of a grey image (H, W), the moments of what the window shows of the image."""
    a, b = a / 2 + 0.5, b / 2 + 0.5
    window = rounded_window(len(a), min(a.shape))
    reach, total, weight = len(window) // 2, 0.0, 0.0
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            rows = [i for i in range(y - reach, y + reach + 1) if 0 <= i < a.shape[0]]
            columns = [j for j in range(x - reach, x + reach + 1) if 0 <= j < a.shape[1]]
            w = np.outer([window[i - y + reach] for i in rows], [window[j - x + reach] for j in columns])
            p, q = a[np.ix_(rows, columns)], b[np.ix_(rows, columns)]
            inside, w = w.sum(), w / w.sum()
            ma, mb = (w * p).sum(), (w * q).sum()
            va, vb, c = (w * (p - ma) ** 2).sum(), (w * (q - mb) ** 2).sum(), (w * (p - ma) * (q - mb)).sum()
            similar = (2 * ma * mb + 1e-4) * (2 * c + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
            total, weight = total + inside * similar, weight + inside
    return total / weight


@pytest.mark.parametrize("height, width", [(150, 9), (40, 50)])
def test_ssim_by_height_pixel_by_pixel(height, width):
    a = images(1, 1, height, width)
    b = (a + images(1, 1, height, width, seed=1)) / 2
    expected = ssim_by_height_by_hand(a[0, 0], b[0, 0])
    np.testing.assert_allclose(metrics.ssim_by_height(a, b), [expected])
    np.testing.assert_allclose(metrics.ssim_by_height(a.repeat(3, 1), b.repeat(3, 1)), [expected])
    np.testing.assert_allclose(metrics.ssim_by_height(a, a), [1])


def test_the_window_grows_with_the_height_and_has_whole_256ths():
    """At 256 pixels it is nearly the usual window; it never reaches across the image."""
    window = 256 * rounded_window(256, 256)
    assert len(window) == 9 and window.tolist() == window.round().tolist() == window[::-1].tolist()
    np.testing.assert_allclose(window / 256, metrics.similarity.gaussian_window(9), atol=0.003)
    assert rounded_window(400, 400).sum() == 1 and len(rounded_window(512, 512)) == 17
    assert len(rounded_window(512, 4)) == 7


def test_luminance_is_that_of_bt601():
    """Black is 16 and white 235; grey images are left as they are."""
    plain = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])[:, :, None, None] / 127.5 - 1
    y = (metrics.luminance(plain) + 1) * 127.5
    np.testing.assert_allclose(y[:, 0, 0, 0], [16, 81.481, 144.553, 40.966, 235])
    grey = images(2, 1, 3, 3)
    assert metrics.luminance(grey) is grey


def test_as_published_looks_at_the_luminance_without_a_border():
    a, b = images(2, 3, 20, 24), images(2, 3, 20, 24, seed=1)
    psnr, ssim = metrics.as_published(a, b)
    inner = [metrics.luminance(x)[:, :, 4:-4, 4:-4] for x in (a, b)]
    np.testing.assert_allclose(psnr, metrics.psnr(*inner))
    np.testing.assert_allclose(ssim, metrics.ssim_by_height(*inner))
    np.testing.assert_allclose(metrics.as_published(a, b, 0)[0], metrics.psnr(*map(metrics.luminance, (a, b))))


def test_sharpness_is_the_mean_slope():
    """Of a ramp its slope, whatever its direction; a blurred image has less."""
    y, x = np.mgrid[:6, :7] / 10
    np.testing.assert_allclose(metrics.sharpness(np.stack([x, y, 0.3 * x + 0.4 * y])[:, None]), [0.1, 0.1, 0.05])
    half = np.maximum(x, 0.3)  # of which one half is flat
    assert metrics.sharpness(half[None, None]) == pytest.approx(0.05)
    a = images(1, 1, 9, 9)
    assert metrics.sharpness((a + np.roll(a, 1, 3)) / 2) < metrics.sharpness(a)


@pytest.mark.parametrize(
    "measure",
    [metrics.psnr, metrics.ssim, metrics.ssim_by_height, metrics.as_published, metrics.luminance] + [metrics.sharpness],
)
def test_pixels_of_another_range_are_refused(measure):
    """Bytes, floats to 255 and NaN: also of colours, which the luminance would turn into floats."""
    count = 1 if measure in (metrics.luminance, metrics.sharpness) else 2
    light = images(2, 3, 20, 20) + 0.01
    measure(*[light] * count)
    for bad in (np.uint8(127 * abs(light)), 127.5 * light + 127.5, light > 0, np.where(light > 0.99, np.nan, light)):
        with pytest.raises(
            ValueError, match=r"pixels must be finite floats, black −1 and white 1, not (uint8|float|bool)"
        ):
            measure(*[bad] * count)
    with pytest.raises(ValueError, match=r"\(N, …, H, W\), .* not \(0, 3, 20, 20\)"):
        measure(*[light[:0]] * count)


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.ssim_by_height, metrics.as_published])
def test_what_cannot_be_compared_is_refused(measure):
    with pytest.raises(ValueError, match="finite floats"):
        measure(np.zeros((1, 1, 20, 20), np.uint8), np.zeros((1, 1, 20, 20), np.uint8))
    with pytest.raises(ValueError, match=r"not \(1, 1, .*\) and \(2, 1, "):
        measure(np.zeros((1, 1, 20, 20)), np.zeros((2, 1, 20, 20)))
    with pytest.raises(ValueError, match="not"):
        measure(np.zeros((20, 20)), np.zeros((20, 20)))


PRINTED = {  # by the paper of SRGAN, table 2: PSNR and SSIM of bicubic enlargement by 4
    "set5-x4": (28.43, 0.8211),
    "set14-x4": (25.99, 0.7486),
}


@pytest.mark.parametrize("name", SETS)
def test_bicubic_enlargement_is_as_good_as_the_paper_prints(name):
    """To 0.01 dB and 0.0001; under the usual window SSIM is what other papers print, 0.810 and 0.703."""
    numbers, usual = [], []
    for large, small in pairs(name):
        a, b = (x / 127.5 - 1 for x in (larger(small, 4), large))
        numbers.append(np.concatenate(metrics.as_published(a, b)))
        inner = [metrics.luminance(x)[:, :, 4:-4, 4:-4] for x in (a, b)]
        usual.append(metrics.ssim(*inner, window=11)[0])
    psnr, ssim = np.mean(numbers, axis=0)
    assert psnr == pytest.approx(PRINTED[name][0], abs=0.01) and ssim == pytest.approx(PRINTED[name][1], abs=1e-4)
    assert np.mean(usual) == pytest.approx({"set5-x4": 0.811, "set14-x4": 0.703}[name], abs=5e-4)
