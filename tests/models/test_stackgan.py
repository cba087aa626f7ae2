"""StackGAN: captions are read, doubted and drawn, first small, then large."""

import numpy as np
import pytest
from captioned import NETWORKS, batch, described, tiny
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import DataError, captions
from scratchgan.functional import avg_pool2d
from scratchgan.models import stackgan
from scratchgan.models.networks import count
from scratchgan.models.stacked import (
    Augmentation,
    ProjectionCritic,
    bottleneck,
    joined,
    paper_networks,
    small_networks,
)
from scratchgan.testing import check_grads


def softplus(u):
    return np.log1p(np.exp(u.data if isinstance(u, Tensor) else u))


def scene(stage, **options):
    """One of a model's stages in float64, and what it is given: real, fake, φ, wrong φ, what comes before, ε."""
    model = tiny(np.float64, **options)
    images = model.draw(iter([batch(6)]))[0]
    text, wrong = (Tensor(np.tanh(rng(seed).standard_normal((6, 5)))) for seed in (1, 3))
    z, small = Tensor(rng(2).standard_normal((6, 3))), avg_pool2d(images, 2)
    real = small if stage == 1 else images
    fake = Tensor(np.tanh(rng(4).standard_normal(real.shape)))
    part = model.first if stage == 1 else model.second
    return part, real, fake, text, wrong, z if stage == 1 else small, Tensor(rng(5).standard_normal((6, 2)))


# The equations -------------------------------------------------------------------------------------------------------


def test_conditioning_augmentation_draws_around_the_caption_and_its_kl_is_the_mean_over_all_numbers():
    network = Augmentation(rng(), 5, 4).to(np.float64)
    text, noise = rng(1).standard_normal((3, 5)), rng(2).standard_normal((3, 4))
    code, divergence = network(Tensor(text), Tensor(noise))
    h = text @ network.head[0].weight.data.T + network.head[0].bias.data
    h = np.where(h > 0, h, 0.2 * h)
    mean, log_deviation = h[:, :4], h[:, 4:]
    np.testing.assert_allclose(code.data, mean + np.exp(log_deviation) * noise)
    terms = (mean**2 + np.exp(2 * log_deviation) - 1) / 2 - log_deviation
    assert divergence.item() == pytest.approx(terms.mean())
    draws = mean[0, 0] + np.exp(log_deviation[0, 0]) * rng(3).standard_normal(400_000)
    density = -0.5 * ((draws - mean[0, 0]) / np.exp(log_deviation[0, 0])) ** 2 - log_deviation[0, 0] + draws**2 / 2
    assert terms[0, 0] == pytest.approx(density.mean(), abs=0.01)  # by Monte Carlo


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("share", [0.5, 0.25, 0.0])
def test_the_critic_learns_that_fakes_and_wrong_pairs_weigh_together_as_much_as_reals(stage, share):
    part, real, fake, text, wrong, *_ = scene(stage, wrong_share=share)
    pairs = (real, text), (real, wrong), (fake, text)
    on_real, on_wrong, on_fake = (part.critic(*pair).data for pair in pairs)
    expected = softplus(-on_real).mean() + (1 - share) * softplus(on_fake).mean() + share * softplus(on_wrong).mean()
    assert part.critic_loss(real, fake, text, wrong).item() == pytest.approx(expected)


@pytest.mark.parametrize("stage", [1, 2])
def test_the_generator_wants_to_be_taken_for_real_and_pays_for_the_kl(stage):
    part, _, _, text, _, before, noise = scene(stage, kl=3.0)
    fake, divergence = part.generator(before, text, noise)
    loss, shown = part.generator_loss(before, text, noise)
    assert shown.item() == divergence.item() > 0
    assert loss.item() == pytest.approx(softplus(-part.critic(fake, text).data).mean() + 3 * divergence.item())


def test_the_encoder_learns_that_digit_ink_and_paper_can_be_read():
    model = tiny(np.float64)
    words, _, meanings = described(5)
    logits = model.readout(model.encoder(words)).data
    expected = 0
    for column, (begin, end) in enumerate(((0, 10), (10, 22), (22, 34))):
        u = logits[:, begin:end]
        expected += np.mean(np.log(np.exp(u).sum(1)) - u[np.arange(5), meanings[:, column]])
    assert model.reading_loss(words, meanings).item() == pytest.approx(expected)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("player", ["critic", "generator"])
def test_derivatives_in_all_weights_to_second_order(stage, player):
    part, real, fake, text, wrong, before, noise = scene(stage)
    network = getattr(part, player)
    for seed, weight in enumerate(network.parameters()):  # no scale at 1, no shift at 0
        weight.data = weight.data + 0.2 * rng(seed + 30).standard_normal(weight.shape)
    if (stage, player) == (2, "generator"):  # no unit before a norm is off everywhere
        network.look[0].bias.data = network.look[0].bias.data + 1

    def loss(*weights):
        with weights_replaced(network, weights):
            if player == "critic":
                return part.critic_loss(real, fake, text, wrong)
            return part.generator_loss(before, text, noise)[0]

    check_grads(loss, network.parameters(), order=2)


@pytest.mark.parametrize("part", ["encoder", "readout"])
def test_derivatives_of_the_reading_to_second_order(part):
    model = tiny(np.float64)
    words, _, meanings = described(4)
    network, model.tensor = getattr(model, part), Tensor

    def loss(*weights):
        with weights_replaced(network, weights):
            return model.reading_loss(words, meanings)

    check_grads(loss, network.parameters(), order=2)


@pytest.mark.parametrize("stage", [1, 2])
def test_each_stage_sees_images_of_its_size_and_right_and_wrong_captions(stage):
    model, seen = tiny(schedule=(0, 9 if stage == 1 else 0, 9)), []
    part = model.first if stage == 1 else model.second
    loss = part.critic_loss
    part.critic_loss = lambda *given: seen.append(given) or loss(*given)
    images, words, wrong, _ = arrays = batch(6)
    model.train_step(iter([arrays]), rng(7))
    ((real, fake, *texts),) = seen
    expected = images if stage == 2 else avg_pool2d(Tensor(images), 2).data
    np.testing.assert_allclose(real.data, expected, atol=1e-6)
    for text, of_words in zip(texts, (words, wrong), strict=True):
        np.testing.assert_array_equal(text.data, model.encoder(of_words).data)
        assert not text.requires_grad
    assert fake.shape == real.shape and not fake.requires_grad


# The phases ----------------------------------------------------------------------------------------------------------


def moved(model, steps=1):
    before = {f"{k} {path}": array for k, part in model.parts().items() for path, array in part.state_dict().items()}
    numbers = [model.train_step(iter([batch(6)] * 2), rng(i)) for i in range(steps)]
    after = {f"{k} {path}": array for k, part in model.parts().items() for path, array in part.state_dict().items()}
    return numbers, {k.split(" ")[0] for k in before if not np.array_equal(before[k], after[k])}


PLAYERS = "generator", "critic", "generator_optimizer", "critic_optimizer", "average"


@pytest.mark.parametrize(
    "schedule, parts",
    [
        ((1, 0, 0), {"encoder", "readout", "optimizer"}),
        (
            (0, 1, 0),
            {f"{part}_1" for part in ("generator", "critic", "generator_optimizer", "critic_optimizer", "average")},
        ),
        (
            (0, 0, 1),
            {f"{part}_2" for part in ("generator", "critic", "generator_optimizer", "critic_optimizer", "average")},
        ),
    ],
)
def test_each_phase_moves_its_own_networks_and_no_others(schedule, parts):
    assert moved(tiny(schedule=schedule))[1] == parts


def test_the_phases_follow_each_other_and_what_rests_is_0():
    numbers, _ = moved(tiny(schedule=(2, 3, 2)), steps=7)
    assert [number["stage"] for number in numbers] == [0, 0, 1, 1, 1, 2, 2]
    for number in numbers:
        names = {"reading"} if number["stage"] == 0 else {"L_D", "L_G", "KL", "deviation"}
        assert {name for name, value in number.items() if value and name != "stage"} == names


def test_rates_fall_in_each_stage_and_are_what_they_were_after_a_step():
    model, seen = tiny(schedule=(1, 4, 2), rates=(0.5, 0.25, 0.125)), []
    optimizers = model.optimizers()
    for optimizer in optimizers:
        step = optimizer.step
        optimizer.step = lambda grads, optimizer=optimizer, step=step: seen.append(optimizer.lr) or step(grads)
    for i in range(8):
        model.train_step(iter([batch(6)] * 2), rng(i))
    assert seen[0] == 0.5 and [optimizer.lr for optimizer in optimizers] == [0.5, 0.25, 0.125, 0.25, 0.125]
    assert seen[2::2] == pytest.approx([0.25 * share for share in (1, 0.75, 0.5, 0.25, 1, 0.5, 0.05)])
    assert seen[1::2] == pytest.approx([0.125 * share for share in (1, 0.75, 0.5, 0.25, 1, 0.5, 0.05)])


def test_stage_two_sees_the_averaged_generator_of_stage_one_as_it_is_when_drawing():
    model = tiny(schedule=(0, 0, 1))
    model.first.average.module.replace(lambda _, array: array + 1)
    seen, loss = [], model.second.generator_loss
    model.second.generator_loss = lambda *given: seen.append(given[0]) or loss(*given)
    model.train_step(iter([batch(6)]), rng(1))
    assert not model.first.average.module.training and not seen[0].requires_grad
    draws = rng(1)
    for size in (3, 2, 2):  # of D's step: z, ε of stage I, ε
        draws.standard_normal((6, size))
    z, noise = (Tensor(draws.standard_normal((6, size)).astype(np.float32)) for size in (3, 2))
    picture, _ = model.first.average.module(z, model.encoder(batch(6)[1]), noise)
    np.testing.assert_array_equal(seen[0].data, picture.data)


def test_the_numbers_of_a_step_are_those_of_the_losses():
    model = tiny(schedule=(0, 9, 0))
    z = model.first.generator.augmentation
    (numbers,), _ = moved(model)
    text = model.encoder(batch(6)[1])
    assert numbers["deviation"] == pytest.approx(np.exp(z.moments(text)[1].data).mean(), rel=1e-5)


# Pictures ------------------------------------------------------------------------------------------------------------


def test_a_caption_is_drawn_as_often_as_is_asked_and_the_same_each_time():
    model = tiny()
    images = model.draw_caption("A red seven, on white.", 3, rng(1))
    assert images.shape == (3, 3, 16, 16) and images.dtype == np.float32 and np.abs(images).max() <= 1
    np.testing.assert_array_equal(images, model.draw_caption("a red seven on white", 3, rng(1)))
    assert (images[0] != images[1]).any()
    assert (images != model.draw_caption("a blue two on yellow", 3, rng(1))).any()
    assert model.draw_caption("a red seven on white").shape[0] == 8
    with pytest.raises(DataError, match="'whit' is not known; did you mean 'white'"):
        model.draw_caption("a red seven on whit")


def test_the_second_picture_is_drawn_from_the_first():
    model = tiny()
    words = described(4)[0]
    noise = rng().standard_normal((4, 7))
    text = model.encoder(words)
    small, large = model.paint(text, noise)
    tensors = [Tensor(part.astype(np.float32)) for part in (noise[:, :3], noise[:, 3:5], noise[:, 5:])]
    first, second = (stage.average.module for stage in (model.first, model.second))
    np.testing.assert_array_equal(small.data, first(tensors[0], text, tensors[1])[0].data)
    np.testing.assert_array_equal(large.data, second(small, text, tensors[2])[0].data)


def test_the_picture_shows_real_images_above_those_of_both_stages():
    model = tiny()
    examples = images, words, *_ = model.draw(iter([batch(30)]))
    sheet = model.show(examples, rng(2))
    small, large = model.paint(model.encoder(words[:24]), rng(2).standard_normal((24, 7)))
    assert sheet.shape == (9, 8, 3, 16, 16)
    np.testing.assert_allclose(sheet[::3].reshape(24, 3, 16, 16), images.data[:24], atol=1e-6)
    np.testing.assert_allclose(sheet[1::3].reshape(24, 3, 16, 16)[:, :, ::2, 1::2], small.data, atol=1e-5)
    np.testing.assert_allclose(sheet[2::3].reshape(24, 3, 16, 16), large.data, atol=1e-5)


def test_a_strip_leads_from_one_caption_to_another_with_the_same_noise():
    model = tiny()
    strip = model.strip(2, 5, rng(3))
    draws = rng(3)
    ends = model.encoder(captions.conditions(4, draws)[1])
    noise = draws.standard_normal((2, 7))
    for row in (0, 1):
        for column, end in ((0, 0), (4, 1)):
            _, image = model.paint(ends[2 * row + end : 2 * row + end + 1], noise[row : row + 1])
            np.testing.assert_allclose(strip[row, column], image.data[0], atol=1e-5)
    assert strip.shape == (2, 5, 3, 16, 16) and (strip[0, 1] != strip[0, 2]).any()


def test_what_is_measured_is_told_apart_by_stage_and_has_its_anchors(monkeypatch):
    from scratchgan.metrics import captioned as metric

    shown = []
    monkeypatch.setattr(
        metric,
        "agreement",
        lambda images, meanings: shown.append((images, meanings)) or {"digit, seen": len(shown) / 8},
    )
    monkeypatch.setattr(metric, "frechet", lambda images, others: float(images.shape[-1]))
    model = tiny()
    held_out = model.draw(iter([batch(6)]))
    numbers = model.measure(held_out, rng(4))
    assert numbers == {
        "digit, seen, stage I": 0.125, "digit, seen, stage II": 0.25, "digit, seen, real": 0.375,
        "digit, seen, real, small": 0.5, "digit, seen, by chance": 0.625,
        "Fréchet, stage I": 8, "Fréchet, stage II": 16, "Fréchet, real": 16, "Fréchet, real, small": 8,
    }  # fmt: skip
    small, large = model.paint(model.encoder(held_out[1]), rng(4).standard_normal((6, 7)))
    expected = [small.data, large.data, held_out[0].data, avg_pool2d(held_out[0], 2).data, held_out[0].data]
    for (images, meanings), wanted in zip(shown, expected):
        np.testing.assert_allclose(images, wanted, atol=1e-5)
    assert [(meanings == held_out[3]).all() for _, meanings in shown] == [True] * 4 + [False]
    np.testing.assert_array_equal(shown[4][1], held_out[3][::-1])


# Networks ------------------------------------------------------------------------------------------------------------


def published(network):
    """Weights if each convolution and linear layer had a bias, without those of norms."""
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    return sum(m.weight.numel() + len(m.weight) for m in layers)


def test_the_generators_have_the_sizes_that_their_file_says():
    _, _, first, _, second, _ = small_networks(rng(), text=32, code=16, widths=(16, 16))
    counts = [published(first), published(second) - 3 * conv(3, 1, 3)]  # without the picture seen again
    assert counts == [74_755, 67_955]
    assert all(f"{count:,}" in small_networks.__doc__ for count in counts)


def test_a_small_critic_sees_all_pixels_first_and_ends_in_features_and_a_score():
    *_, critic, _, last = small_networks(rng(), text=5, critic_widths=(3, 2))
    first = conv(3, 3, 3, True) + conv(3, 6, 4, True) + conv(6, 12, 4, True)
    second = conv(3, 2, 3, True) + conv(2, 4, 4, True) + conv(4, 8, 4, True) + conv(8, 16, 4, True)
    heads = 128 + 128 + 1 + 5 * 128 + 128
    assert count(critic) == first + 12 * 16 * 128 + heads and count(last) == second + 16 * 16 * 128 + heads


def test_a_projection_is_how_far_the_features_point_where_the_caption_does():
    critic = ProjectionCritic(rng(), 5, (2, 3), 4).to(np.float64)
    x, text = Tensor(rng(1).standard_normal((3, 3, 8, 8))), Tensor(rng(2).standard_normal((3, 5)))
    features = critic.look(x).data
    caption = text.data @ critic.embed.weight.data.T + critic.embed.bias.data
    expected = features @ critic.decide.weight.data[0] + critic.decide.bias.data + (features * caption).sum(1) / 2
    np.testing.assert_allclose(critic(x, text).data[:, 0], expected)
    for layer in (critic.look[0], critic.look[5], critic.embed):
        fan_in = layer.weight.data[0].size
        assert np.abs(layer.weight.data).max() <= (6 / fan_in) ** 0.5 and not layer.bias.data.any()


def test_an_image_with_two_captions_is_seen_once():
    part, real, fake, text, wrong, *_ = scene(1)
    seen, look = [], part.critic.look.forward
    part.critic.look.forward = lambda x: seen.append(x) or look(x)
    part.critic_loss(real, fake, text, wrong)
    assert [x is y for x, y in zip(seen, (real, fake), strict=True)] == [True, True]


def conv(few, many, kernel, bias=False):
    return few * many * kernel * kernel + bias * many


def test_the_papers_networks_have_the_sizes_of_its_tables():
    def block(width):
        inner = width // 4
        return conv(width, inner, 1) + conv(inner, inner, 3) + conv(inner, width, 3) + 2 * (2 * inner + width)

    def ups(*widths):
        return sum(conv(few, many, 3) + 2 * many for few, many in zip(widths, widths[1:]))

    def downs(*widths):
        return sum(conv(few, many, 4) + 2 * many for few, many in zip(widths, widths[1:]))

    encoder, _, *players = paper_networks(rng())
    assert encoder.head.weight.shape == (1024, 1024)
    augmentation = 1024 * 256 + 256
    sketch = augmentation + 228 * 16_384 + 2 * 1024 + block(1024) + block(512) + ups(1024, 512, 256, 128)
    sketch += conv(128, 3, 3, True)
    read = 1024 * 128 + 128
    critic = conv(3, 64, 4, True) + downs(64, 128, 256, 512) + block(512) + read + conv(640, 512, 1) + 1024 + 8193
    refinement = augmentation + conv(3, 128, 3, True) + downs(128, 256, 512) + conv(640, 512, 3) + 1024
    refinement += 4 * (2 * conv(512, 512, 3) + 4 * 512) + ups(512, 256, 128, 64, 32) + conv(32, 3, 3, True)
    second = conv(3, 64, 4, True) + downs(64, 128, 256, 512, 1024, 2048) + conv(2048, 1024, 1) + 2048
    second += conv(1024, 512, 1) + 1024 + block(512) + read + conv(640, 512, 1) + 1024 + 8193
    assert [count(player) for player in players] == [sketch, critic, refinement, second]


def test_the_second_stage_doubles_the_size():
    encoder, readout, first, critic, second, last = small_networks(rng(), widths=(4, 4))
    text, (z, noise) = (
        encoder(described(2)[0]),
        (Tensor(rng().standard_normal((2, n)).astype(np.float32)) for n in (32, 64)),
    )
    small, _ = first(z, text, noise)
    large, _ = second(small, text, noise)
    assert small.shape == (2, 3, 16, 16) and large.shape == (2, 3, 32, 32)
    assert critic(small, text).shape == last(large, text).shape == (2, 1) and readout(text).shape == (2, 34)


def test_a_caption_is_read_in_order():
    encoder = NETWORKS["encoder"](rng())
    words = np.stack([captions.encode(text) for text in ("a blue two on yellow", "a yellow two on blue")])
    first, second = encoder(words).data
    assert first.shape == (5,) and np.abs(first).max() <= 1 and np.abs(first - second).max() > 1e-3


def test_numbers_join_maps_at_each_place():
    maps, numbers = Tensor(rng().standard_normal((2, 1, 3, 4))), Tensor(rng(1).standard_normal((2, 2)))
    both = joined(maps, numbers).data
    np.testing.assert_array_equal(both[:, :1], maps.data)
    assert (both[:, 1:] == numbers.data[:, :, None, None]).all() and both.shape == (2, 3, 3, 4)


def test_the_sum_of_a_residual_block_is_activated():
    block = nn.Sequential(*bottleneck(rng(), 4)).to(np.float64)
    x = Tensor(rng(1).standard_normal((3, 4, 2, 2)))
    np.testing.assert_array_equal(block(x).data, np.maximum(x.data + block[0].change(x).data, 0))


def test_the_picture_is_seen_again_before_the_last_convolution():
    network = NETWORKS["second"](rng())
    network.network.replace(lambda _, array: array * 0)  # what was made of the picture before is lost
    picture, text, noise = (
        Tensor(rng().standard_normal(shape).astype("f")) for shape in ((2, 3, 8, 8), (2, 5), (2, 2))
    )
    weight = np.zeros_like(network.paint[0].weight.data)
    weight[range(3), range(-3, 0), 1, 1] = 1
    network.paint[0].weight.data, network.paint[0].bias.data = weight, np.zeros(3, np.float32)
    np.testing.assert_allclose(network(picture, text, noise)[0].data[:, :, ::2, 1::2], np.tanh(picture.data), atol=1e-6)


def test_the_share_of_wrong_pairs_leaves_something_to_the_fakes():
    with pytest.raises(ValueError, match="wrong_share"):
        tiny(wrong_share=1.0)
    assert stackgan.SYSTEM.presets["no_wrong_pairs"].options["wrong_share"] == 0
