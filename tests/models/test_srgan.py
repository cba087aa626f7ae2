"""SRGAN: two stages, two players, and features that are learned and then stay."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import srgan
from scratchgan.models.networks import count
from scratchgan.models.srgan import Encoder, discriminator, turned
from scratchgan.models.superres import SRResNet, SuperResolution
from scratchgan.testing import check_grads


def tiny_networks(rng):
    critic = nn.Sequential(nn.Conv2d(1, 2, 3, 2, rng=rng), nn.Tanh(), nn.Flatten(), nn.Linear(18, 1, rng=rng))
    return SRResNet(rng, 1, width=3, blocks=1, up=(8, 4)).to(np.float64), critic.to(np.float64)


def tiny_encoder(rng, channels, classes):
    return Encoder(rng, channels, classes, width=2).to(np.float64)


def tiny(**options):
    options = {"networks": tiny_networks, "encoder": tiny_encoder, "pretraining": 2, "classes": 4, **options}
    return srgan.build(rng(), **options)


def images(seed, *shape):
    return Tensor(np.tanh(rng(seed).standard_normal(shape)))


Y, X = images(1, 5, 1, 8, 8), images(2, 5, 1, 2, 2)
LABELS = np.array([0, 3, 1, 1, 2])
NETWORKS = "resnet", "generator", "critic", "encoder"


def stream(*labels):
    while True:
        yield (Y.numpy(), X.numpy(), *labels)


def state(network):
    return {name: array.copy() for name, array in network.state_dict().items()}


def moved(model, before):
    """The networks of which any number is another than before."""
    after = {name: state(getattr(model, name)) for name in NETWORKS}
    return [name for name in NETWORKS if any((after[name][k] != before[name][k]).any() for k in after[name])]


def states(model):
    return {name: state(getattr(model, name)) for name in NETWORKS}


# The equations -------------------------------------------------------------------------------------------------------


def softplus(u):
    return np.log1p(np.exp(u))


def test_the_losses_are_the_equations():
    model = tiny(content=0.7, adversarial=0.3)
    fake = images(3, 5, 1, 8, 8)
    scores, of_fakes = model.critic(Y).data, model.critic(fake).data
    assert model.critic_loss(Y, fake).item() == pytest.approx(softplus(-scores).mean() + softplus(of_fakes).mean())
    numbers = {name: value.item() for name, value in model.generator_loss(Y, fake).items()}
    phi, of_phi = (model.encoder.eval().maps(image).data for image in (Y, fake))
    content, adversarial = ((phi - of_phi) ** 2).mean(), softplus(-of_fakes).mean()
    expected = {"content": content, "adversarial": adversarial, "generator_loss": 0.7 * content + 0.3 * adversarial}
    assert numbers == pytest.approx(expected)


def test_the_encoder_learns_labels_or_quarter_turns():
    model = tiny()
    for labels, (seen, wanted) in ((LABELS, (Y.numpy(), LABELS)), (None, turned(Y.numpy()))):
        logits = model.encoder(Tensor(seen)).data
        expected = np.log(np.exp(logits).sum(1)) - logits[np.arange(5), wanted]
        assert model.encoder_loss(Y, labels).item() == pytest.approx(expected.mean())


def test_a_quarter_of_the_images_is_turned_by_each_angle():
    y = Y.numpy()
    images, labels = turned(y)
    assert labels.tolist() == [0, 0, 1, 2, 3]
    np.testing.assert_array_equal(images[:2], y[[0, 4]])
    np.testing.assert_array_equal(images[2], y[1].swapaxes(1, 2)[:, ::-1])
    np.testing.assert_array_equal(images[3], y[2, :, ::-1, ::-1])
    np.testing.assert_array_equal(images[4], y[3].swapaxes(1, 2)[:, :, ::-1])


@pytest.mark.parametrize("name", ["generator", "critic", "encoder"])
def test_derivatives_in_all_weights_to_second_order(name):
    model, fake = tiny(content=1.0, adversarial=1.0), images(3, 5, 1, 8, 8)
    network = getattr(model, name)

    def loss(*weights):
        with weights_replaced(network, weights):
            if name == "generator":
                return model.generator_loss(Y, model.generator(X))["generator_loss"]
            return model.critic_loss(Y, fake) if name == "critic" else model.encoder_loss(Y, LABELS)

    check_grads(loss, network.parameters(), order=2)


# The two stages ------------------------------------------------------------------------------------------------------


def test_the_first_stage_trains_srresnet_and_the_encoder_alone():
    model = tiny()
    before = states(model)
    numbers = model.train_step(stream(LABELS), rng())
    assert moved(model, before) == ["resnet", "encoder"]
    assert numbers["mse"] > 0 < numbers["encoder_loss"] and numbers["critic_loss"] == numbers["content"] == 0


def test_the_first_stage_is_that_of_srresnet_alone():
    model, alone = tiny(), srgan.build(rng(), networks=tiny_networks, pretraining=None)
    assert type(alone) is SuperResolution
    for _ in range(2):
        assert model.train_step(stream(), rng())["mse"] == alone.train_step(stream(), rng())["mse"]
    for found, wanted in zip(model.resnet.parameters(), alone.resnet.parameters(), strict=True):
        np.testing.assert_array_equal(found.data, wanted.data)


def test_the_second_stage_trains_the_two_players_alone():
    """Not even the encoder's running means move."""
    model = tiny()
    for _ in range(3):
        model.train_step(stream(), rng())
    before = states(model)
    numbers = model.train_step(stream(), rng())
    assert moved(model, before) == ["generator", "critic"]
    assert all(numbers[name] > 0 for name in ("mse", "content", "adversarial", "critic_loss", "generator_loss"))
    assert numbers["encoder_loss"] == 0


def test_the_second_stage_begins_as_the_first_has_ended_and_after_its_last_step():
    model, begun = tiny(), []
    steps = [lambda: model.train_step(stream(), rng())["content"] > 0 for _ in range(4)]
    for step in steps[:2]:
        assert not step()
    load = model.generator.load_state_dict
    model.generator.load_state_dict = lambda state: begun.append(state) or load(state)
    assert steps[2]() and steps[3]()
    (found,) = begun
    assert all((found[name] == array).all() for name, array in model.resnet.state_dict().items())


def test_g_is_srresnet_until_it_has_begun():
    model = tiny()
    assert list(model.networks()) == ["SRResNet", "SRGAN"] and model.networks()["SRGAN"] is model.resnet
    for _ in range(3):
        model.train_step(stream(), rng())
    assert model.networks() == {"SRResNet": model.resnet, "SRGAN": model.generator}


def test_the_critics_step_comes_first_and_leaves_g_alone():
    model = tiny(pretraining=1)
    model.train_step(stream(), rng())
    order, descend = [], model.descend
    model.descend = lambda optimizer, loss: order.append(optimizer) or descend(optimizer, loss)
    model.generator_optimizer.step = lambda grads: None
    model.generator.load_state_dict(model.resnet.state_dict())
    before = [p.data for p in model.generator.parameters()]
    model.train_step(stream(), rng())
    assert order == [model.critic_optimizer, model.generator_optimizer]
    assert all((p.data == old).all() for p, old in zip(model.generator.parameters(), before))


def test_both_players_are_fresh_and_have_a_rate_of_their_own():
    model = tiny(lr=0.5, adversarial_lr=0.25)
    assert [model.resnet_optimizer.lr, model.encoder_optimizer.lr] == [0.5, 0.5]
    assert [model.generator_optimizer.lr, model.critic_optimizer.lr] == [0.25, 0.25]
    for _ in range(3):
        model.train_step(stream(), rng())
    assert [optimizer.steps for optimizer in model.optimizers()] == [2, 2, 1, 1]


def test_an_encoder_of_another_kind_stays_as_it_is():
    class Given(nn.Module):
        def __init__(self):
            self.layer = nn.Conv2d(1, 2, 3, rng=rng()).to(np.float64)

        def maps(self, y):
            return self.layer(y)

    model = tiny(encoder=lambda rng, channels, classes: Given(), pretraining=1)
    before = state(model.encoder)
    for _ in range(3):
        numbers = model.train_step(stream(), rng())
    assert model.encoder_optimizer is None and numbers["content"] > 0
    assert all((array == before[name]).all() for name, array in model.encoder.state_dict().items())


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_papers_discriminator_has_the_papers_size_and_layers():
    """23.56 million weights, 18.9 of them in the first dense layer: no bias before a norm."""
    _, critic = srgan.paper_networks(rng())
    assert round(count(critic) / 1e6, 2) == 23.56
    convolutions = [layer for layer in critic if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [layer.stride[0] for layer in convolutions] == [1, 2] * 4
    kinds = [type(layer).__name__ for layer in critic]
    assert kinds[:2] == ["Conv2d", "LeakyReLU"] and kinds[2:23] == ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 7
    assert kinds[23:] == ["Flatten", "Linear", "LeakyReLU", "Linear"]
    assert critic[24].in_features == 512 * 6 * 6 and critic[24].out_features == 1024
    assert {layer.negative_slope for layer in critic if isinstance(layer, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3), (8, 2)])
def test_a_discriminator_gives_a_logit_for_each_image(size, channels):
    critic = discriminator(rng(), size, channels, width=2, dense=3)
    assert critic(images(0, 3, channels, size, size).to(np.float32)).shape == (3, 1)


def test_the_features_have_half_the_size_and_unit_variance_over_training_images():
    encoder = Encoder(rng(), 1, 4, width=2)
    y = images(0, 50, 1, 12, 12).to(np.float32)
    features = encoder.maps(y)
    assert features.shape == (50, 4, 6, 6) and encoder(y).shape == (50, 4)
    alive = features.data.std((0, 2, 3)) > 0
    np.testing.assert_allclose(features.data.std((0, 2, 3))[alive], 1, atol=0.2)
    assert alive.any()


def test_the_encoder_looks_for_the_strongest_answer_anywhere_and_knows_as_many_classes_as_are_said():
    """A mean over all places would weaken what is seen in one of them."""
    encoder, y = tiny(classes=7).encoder, images(0, 3, 1, 28, 28)
    answers = encoder.second(encoder.maps(y)).data
    logits = encoder(y).data
    np.testing.assert_allclose(logits, answers.max((2, 3)) @ encoder.head.weight.data.T + encoder.head.bias.data)
    assert logits.shape == (3, 7) and answers.shape == (3, 8, 3, 3)


def test_the_features_statistics_are_learnt_in_the_first_stage_and_stay_in_the_second():
    model, learnt = tiny(), []
    for _ in range(4):
        learnt.append(model.encoder.state_dict()["first.6.running_mean"].copy())
        model.encoder.eval()  # as a look at the model between two steps leaves it
        model.train_step(stream(LABELS), rng())
    learnt.append(model.encoder.state_dict()["first.6.running_mean"])
    changed = [bool((one != other).any()) for one, other in zip(learnt, learnt[1:])]
    assert changed == [True, True, False, False]
