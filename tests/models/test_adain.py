"""AdaIN style transfer: an encoder that learns first and is then left alone, and a decoder for any style."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import Batches, DataError, Dataset, load
from scratchgan.models import adain
from scratchgan.models.adain import style_distance
from scratchgan.models.networks import count
from scratchgan.testing import check_grads

SIZES = {"widths": (3, 4), "layers": (2,), "channels": 2}


def smooth(network):
    """Without a kink, where a finite difference is no derivative."""
    for module in network.modules():
        for name, part in list(vars(module).items()):
            if isinstance(part, nn.ReLU):
                setattr(module, name, nn.Softplus())
    return network.to(np.float64)


def tiny_networks(rng):
    return tuple(smooth(network) for network in adain.small_networks(rng, **SIZES))


def tiny(**options):
    return adain.build(rng(), networks=tiny_networks, **options)


def images(seed, count=3):
    return Tensor(rng(seed).uniform(-1, 1, (count, 2, 4, 4)))


C, S = images(1), images(2)


def stats(features):
    mean = features.mean((2, 3), keepdims=True)
    return mean, np.sqrt(((features - mean) ** 2).mean((2, 3), keepdims=True) + 1e-5)


def test_the_losses_are_the_equations():
    model = tiny()
    content, style = model.encoder(C)[-1].data, [level.data for level in model.encoder(S)]
    (mean, deviation), (wanted, spread) = stats(content), stats(style[-1])
    target = spread * (content - mean) / deviation + wanted
    drawn = [level.data for level in model.encoder(model.decoder(Tensor(target)))]
    of_style = sum(((a - b) ** 2).mean() for x, y in zip(drawn, style) for a, b in zip(stats(x), stats(y)))
    found = model.losses(C, S)
    assert found[0].item() == pytest.approx(((drawn[-1] - target) ** 2).mean())
    assert found[1].item() == pytest.approx(of_style)
    x = model.decoder(model.encoder(C)[-1]).data
    assert model.reconstruction(C).item() == pytest.approx(((x - C.data) ** 2).mean())


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_derivatives_in_all_weights_to_second_order(part):
    """Of both stages; in the second the target is a constant, so there only the decoder's are asked for."""
    model = tiny()
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            if part == "encoder":
                return model.reconstruction(C)
            of_content, of_style = model.losses(C, S)
            return of_content + 10 * of_style + model.reconstruction(S)

    check_grads(loss, network.parameters(), order=2)


def weights_of(model):
    return [[p.data.copy() for p in network.parameters()] for network in (model.encoder, model.decoder)]


def moved(before, after):
    return [all((a != b).any() for a, b in zip(*pair)) for pair in zip(before, after)]


def test_first_both_learn_and_then_the_encoder_is_left_alone():
    model = tiny(first=2)
    stream, states = iter([(C.numpy(), S.numpy())] * 4), [weights_of(model)]
    for _ in range(4):
        model.train_step(stream, rng())
        states.append(weights_of(model))
    assert [moved(*pair) for pair in zip(states, states[1:])] == [[True, True]] * 2 + [[False, True]] * 2
    assert all((a == b).all() for a, b in zip(states[2][0], states[4][0]))


def test_each_stage_descends_its_own_objective_and_looks_at_the_other_on_one_pair():
    for first, own in ((1, ("reconstruction",)), (0, ("content", "style"))):
        model, seen = tiny(first=first, style_weight=3.0), []
        model.descend = lambda optimizer, loss, seen=seen: seen.append((optimizer, loss.item())) or loss.detach()
        found = model.train_step(iter([(C.numpy(), S.numpy())]), rng())
        ((optimizer, loss),) = seen
        everything = np.concatenate([C.data, S.data])
        of_content, of_style = model.losses(C, S)
        expected = {
            "reconstruction": model.reconstruction(Tensor(everything)).item(),
            "content": of_content.item(),
            "style": of_style.item(),
        }
        assert {name: found[name] for name in own} == pytest.approx({name: expected[name] for name in own})
        assert all(np.isfinite(value) and value > 0 for value in found.values())
        assert optimizer is (model.both_optimizer if first else model.decoder_optimizer)
        assert loss == pytest.approx(expected["reconstruction"] if first else found["content"] + 3 * found["style"])


# Mixtures ------------------------------------------------------------------------------------------------------------


def features(model, x):
    return model.encoder(x)[-1].data


def decoded(model, mixed):
    return np.clip(model.decoder(Tensor(mixed)).data, -1, 1)


def target(model, content, style):
    (mean, deviation), (wanted, spread) = stats(features(model, content)), stats(features(model, style))
    return spread * (features(model, content) - mean) / deviation + wanted


def test_a_mixture_is_one_of_targets_and_the_rest_is_the_contents_own():
    model, other = tiny(), images(5)
    own, first, second = features(model, C), target(model, C, S), target(model, C, other)
    for found, mixed in (
        (model.stylised(C), own),
        (model.stylised(C, (S, 1.0)), first),
        (model.stylised(C, (S, 0.25)), 0.75 * own + 0.25 * first),
        (model.stylised(C, (S, 0.25), (other, 0.5)), 0.25 * own + 0.25 * first + 0.5 * second),
    ):
        np.testing.assert_allclose(found, decoded(model, mixed), atol=1e-6)


def test_what_is_stylised_is_cut_off_and_a_style_may_have_another_size():
    model = tiny()
    list(model.decoder)[-1].bias.data = np.array([9.0, -9.0])
    found = model.stylised(C, (Tensor(rng(7).uniform(-1, 1, (3, 2, 8, 6))), 1.0))
    assert found.shape == C.shape and (found[:, 0] == 1).all() and (found[:, 1] == -1).all()


def test_the_picture_has_contents_in_styles_and_two_ways_between():
    model = tiny()
    contents, styles = images(3, 8), images(4, 9)
    sheet = model.show((contents, styles), rng())
    assert sheet.shape == (8, 8, 2, 4, 4) and (sheet[0, 0] == 1).all()
    np.testing.assert_allclose(sheet[0, 1:], styles.data[:7], atol=1e-6)
    np.testing.assert_allclose(sheet[1:6, 0], contents.data[:5], atol=1e-6)
    np.testing.assert_allclose(sheet[3, 4:5], model.stylised(contents[2:3], (styles[3:4], 1.0)), atol=1e-6)
    last, first, second = contents[5:6], styles[:1], styles[1:2]
    for place, found in (
        ((6, 0), model.stylised(last)),
        ((6, 7), model.stylised(last, (first, 1.0))),
        ((7, 0), model.stylised(last, (first, 1.0))),
        ((7, 7), model.stylised(last, (second, 1.0))),
    ):
        np.testing.assert_allclose(sheet[place], found[0], atol=1e-6)
    np.testing.assert_allclose(sheet[6, 1], model.stylised(last, (first, 1 / 7))[0], atol=1e-6)


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_networks_have_the_sizes_of_the_paper_and_of_the_table():
    for networks, wanted in ((adain.small_networks, (35_152, 35_091)), (adain.paper_networks, (3_505_728, 3_505_219))):
        encoder, decoder = networks(rng())
        assert (count(encoder), count(decoder)) == wanted
        pools = {type(part) for part in encoder.modules() if isinstance(part, (nn.AvgPool2d, nn.MaxPool2d))}
        assert pools == {nn.MaxPool2d if networks is adain.paper_networks else nn.AvgPool2d}


def test_features_halve_and_a_decoder_goes_the_same_way_back():
    encoder, decoder = adain.small_networks(rng())
    x = Tensor(rng().uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32))
    levels = encoder(x)
    assert [level.shape for level in levels] == [(2, 16, 32, 32), (2, 32, 16, 16), (2, 64, 8, 8)]
    assert all(level.data.min() == 0 < level.data.max() for level in levels)
    assert decoder(levels[-1]).shape == x.shape
    spread = [float(level.data.std()) for level in levels]
    assert max(spread) < 3 * min(spread)  # He's weights: what is found neither dies out nor explodes
    kinds = [type(part) for part in decoder]
    block = [nn.ReflectionPad2d, nn.Conv2d, nn.ReLU]
    assert kinds == [*block, nn.Upsample, *block] * 2 + block[:2]


def test_a_border_is_mirrored_and_has_no_zeros():
    """A plain image is plain in all features, and what is decoded of it, too."""
    encoder, decoder = adain.small_networks(rng())
    levels = encoder(Tensor(np.full((1, 3, 16, 16), 0.3, np.float32)))
    for plain in (*levels, decoder(levels[-1])):
        np.testing.assert_allclose(plain.data, plain.data[:, :, :1, :1] + np.zeros_like(plain.data), atol=1e-5)


def test_an_encoder_can_be_loaded_and_other_weights_are_refused(tmp_path):
    donor, encoder = (adain.Encoder(rng(seed), widths=(3, 4), layers=(1,)) for seed in (1, 2))
    layers = [layer for layer in donor.modules() if isinstance(layer, nn.Conv2d)]
    arrays = {f"{8 * i + 2}.{name}": p.data for i, layer in enumerate(layers) for name, p in layer.named_parameters()}
    np.savez(tmp_path / "weights.npz", **arrays)
    adain.loaded(encoder, tmp_path / "weights.npz")
    mean, deviation = np.array(adain.IMAGENET)[:, None, :, None, None]
    normed = Tensor(rng().uniform(-1, 1, (2, 3, 4, 4)).astype(np.float32))
    as_given = Tensor((2 * (normed.data * deviation + mean) - 1).astype(np.float32))
    for found, wanted in zip(encoder(as_given), donor(normed)):
        np.testing.assert_allclose(found.data, wanted.data, atol=1e-5)
    with pytest.raises(DataError, match=r"no weights of this encoder: its kernels are "):
        adain.loaded(adain.Encoder(rng(), widths=(3, 5), layers=(1,)), tmp_path / "weights.npz")
    with pytest.raises(DataError, match="missing.npz"):
        adain.loaded(encoder, tmp_path / "missing.npz")


# What is measured ----------------------------------------------------------------------------------------------------


def test_the_measures_know_perfect_and_useless_transfers(monkeypatch):
    model, shown = tiny(), []
    monkeypatch.setattr(adain, "_right_class", lambda pictures, labels: shown.append((pictures, labels)) or 0.5)
    contents, styles, labels = images(3, 6), images(4, 6), np.arange(6)
    model.stylised = lambda content, *pairs: pairs[0][0].numpy() if pairs else content.numpy()
    found = model.measure((contents, styles, labels), rng())
    assert found["style distance"] == found["error of the mean colour"] == found["error at α = 0"] == 0
    assert found["style distance of the content"] == 1 and found["style distance of another style"] > 0.1
    colours = np.abs(contents.data.mean((2, 3)) - styles.data.mean((2, 3))).mean()
    assert found["error of the mean colour of the content"] == pytest.approx(colours)
    assert found["error of the mean colour of another style"] > 0.01
    assert found["error of the mean image"] == pytest.approx(np.abs(contents.data - contents.data.mean(0)).mean())
    assert found["right class"] == found["right class of the content"] == found["right class of another style"] == 0.5
    for (pictures, of), wanted in zip(shown, (styles.data, styles.data, contents.data)):
        assert (pictures == wanted).all() and of is labels
    model.stylised = lambda content, *pairs: content.numpy()
    found = model.measure((contents, styles), rng())
    assert found["style distance"] == pytest.approx(1) and "right class" not in found


def test_halfway_to_a_style_is_measured_too():
    model, asked = tiny(), []
    stylised = model.stylised
    model.stylised = lambda content, *pairs: asked.append([a for _, a in pairs]) or stylised(content, *pairs)
    found = model.measure((images(3, 6), images(4, 6)), rng())
    assert asked == [[1.0], [0.5], []] and "style distance at α = 0.5" in found


def test_a_style_is_measured_in_all_sizes():
    model, content, style = tiny(), images(3, 6), images(4, 6)
    wanted, distances = [stats(level.data) for level in model.encoder(style)], []
    for picture in (Tensor(model.stylised(content, (style, 1.0))), content):
        levels = zip(model.encoder(picture), wanted, strict=True)
        pairs = [pair for level, other in levels for pair in zip(stats(level.data), other)]
        distances.append(sum(((a - b) ** 2).mean() for a, b in pairs))
    found = model.measure((content, style), rng())["style distance"]
    assert found == pytest.approx(distances[0] / distances[1]) and len(wanted) == 2


def test_the_class_is_that_of_the_ink_without_the_margin(monkeypatch):
    digits = load(embedded=True)
    seen = []

    class Judge:
        def __init__(self, data):
            assert data == "mnist"

        def accuracy(self, ink, labels):
            seen.append(ink)
            return 0.25

    monkeypatch.setattr("scratchgan.metrics.Judge", Judge)
    coloured = digits.sized(32, 3)[:3].astype(np.float32) / 127.5 - 1
    coloured[:, 2] = 0.5  # ink is what differs from the paper, whatever the colours
    assert adain._right_class(coloured, digits.labels[:3]) == 0.25
    assert np.abs(seen[0].astype(int) - digits.images[:3]).mean() < 2 and seen[0].shape == (3, 1, 28, 28)


def test_contents_and_styles_are_held_out_with_labels_if_there_are_any():
    digits = load(embedded=True)
    x, y, labels = adain._held_out(digits)
    assert len(x) == len(y) == len(labels) == 5000 and labels is digits.labels
    assert len(adain._held_out(Dataset("emoji", digits.images, None, ""))) == 2
    batch = Batches((x, y, labels), 4, rng()).examples(4)
    assert [array.shape for array in batch] == [(4, 3, 32, 32)] * 2 + [(4,)]


def test_the_distance_of_styles_is_the_sum_over_sizes_of_both_differences():
    one, other = (
        [(Tensor(np.full((2, 3, 1, 1), a)), Tensor(np.full((2, 3, 1, 1), b)))] for a, b in ((1.0, 2.0), (3.0, 5.0))
    )
    assert style_distance(one, other).item() == 4 + 9 and style_distance(one * 2, other * 2).item() == 26
