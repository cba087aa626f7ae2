"""Options: what each may be, that it becomes Python's own number, and that what makes no sense is refused at once."""

import math
from functools import partial

import numpy as np
import pytest
from games import GAMES, make

from scratchgan import Parameter, Tensor, nn, optim
from scratchgan.losses import R1, GradientPenalty, LeastSquares, Minimax, NonSaturating
from scratchgan.models.game import ConditionalGame, Game
from scratchgan.nn import AveragedWeights
from scratchgan.nn.options import Number, Several, Varying, Whole, options_of, pair

W, net = [Parameter(np.ones(3, np.float32))], nn.Linear(1, 1)
Adam, RMSprop, SGD = partial(optim.Adam, W), partial(optim.RMSprop, W), partial(optim.SGD, W)


class Thing:
    rate, share, width = Number("[0, ∞)"), Number("(0, 1)", optional=True), Whole()
    codes, sizes, scale = Several(Number("[0, 1)"), 2), pair("[0, ∞)", words=("same",)), Several(Number(), alone=0)


KEPT = {
    "rate": [
        (0, 0.0),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.array(2), 2.0),
        (Tensor(np.array(3.0)), 3.0),
    ],
    "share": [(0.5, 0.5), (None, None)],
    "width": [(3, 3), (np.int64(4), 4), (np.array(5), 5), (Tensor(np.array(6)), 6), (10**30, 10**30)],
    "codes": [([0, 0.5], (0.0, 0.5)), (np.array([0.25, 0.5]), (0.25, 0.5)), ((np.float64(0.1), 0), (0.1, 0.0))],
    "sizes": [(2, (2, 2)), ((1, 0), (1, 0)), (np.int32(3), (3, 3)), ([np.int64(1), 2], (1, 2)), ("same", "same")],
    "scale": [(2, 2.0), ((1, 2, 3), (1.0, 2.0, 3.0))],
}


@pytest.mark.parametrize("name, given, kept", [(name, *case) for name, cases in KEPT.items() for case in cases])
def test_a_number_is_kept_as_pythons_own(name, given, kept):
    thing = Thing()
    setattr(thing, name, given)
    found = getattr(thing, name)
    assert found == kept and type(found) is type(kept)
    assert not isinstance(kept, tuple) or [type(x) for x in found] == [type(x) for x in kept]


VALUES = {
    "rate": [-0.1, math.nan, math.inf, np.float64("nan"), np.array(-1.0)],
    "share": [0, 1, 0.0],
    "width": [0, -3, np.int64(0)],
    "codes": [(0.5,), (0.1, 0.2, 0.3), (0.5, 1), (math.nan, 0), ()],
    "sizes": [-1, (1, -1), (1, 2, 3), (), np.array([1, 2, 3])],
    "scale": [math.inf, ()],
}
TYPES = {
    "rate": [None, "0.1", True, 1j, [0.1], np.array([0.1]), W[0][0], np.array("1"), Tensor(np.ones((1, 1)))],
    "share": ["", False],
    "width": [3.0, np.float64(3), "3", True, np.array([3])],
    "codes": [0.5, None, "ab", {0.5, 0.6}, ("0.1", 0.2), (True, 0.5)],
    "sizes": [1.0, "full", (1, 2.0), None, (1, "2"), True],
    "scale": ["2", None, np.ones((2, 2))],
}


@pytest.mark.parametrize("name, given", [(name, value) for name, values in VALUES.items() for value in values])
def test_a_number_out_of_its_interval_is_refused(name, given):
    with pytest.raises(ValueError, match=rf"^{name}=.* must be .* in [\[(]"):
        setattr(Thing(), name, given)


@pytest.mark.parametrize("name, given", [(name, value) for name, values in TYPES.items() for value in values], ids=repr)
def test_what_is_no_number_is_refused(name, given):
    with pytest.raises(TypeError, match=f"^{name}="):
        setattr(Thing(), name, given)


@pytest.mark.parametrize("interval", ["[0, 1]", "[0, 1)", "(0, 1]", "(0, 1)"])
def test_the_ends_of_an_interval_are_in_it_or_not(interval):
    class Owner:
        value = Number(interval)

    for end, contained in ((0, interval[0] == "["), (1, interval[-1] == "]")):
        owner = Owner()
        if contained:
            owner.value = end
            assert owner.value == end
        else:
            with pytest.raises(ValueError):
                owner.value = end


MESSAGES = {
    "rate": (-1, "rate=-1 must be a number in [0, ∞)"),
    "share": (2, "share=2 must be a number in (0, 1) or None"),
    "width": (0, "width=0 must be a whole number in [1, ∞)"),
    "codes": (5, "codes=5 must be a tuple of 2, each a number in [0, 1)"),
    "sizes": (-1, "sizes=-1 must be a whole number in [0, ∞), or a tuple of 2 such, or 'same'"),
    "scale": ("", "scale='' must be a number in (-∞, ∞), or a tuple of several such"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_says_the_name_the_value_and_what_it_may_be(name):
    given, message = MESSAGES[name]
    with pytest.raises((TypeError, ValueError)) as error:
        setattr(Thing(), name, given)
    assert str(error.value) == message


# What cannot be made: (how it is tried, the option and the value that the message names)
REFUSED = {
    "Linear": (lambda: nn.Linear(0, 3), "in_features=0"),
    "Linear, fraction": (lambda: nn.Linear(3, 2.5), "out_features=2.5"),
    "Linear, generator": (lambda: nn.Linear(3, 2, np.random.default_rng(0)), "bias=Generator.* must be True or False"),
    "Conv2d": (lambda: nn.Conv2d(3, 4, 3, stride=0), "stride=0"),
    "Conv2d, bias": (lambda: nn.Conv2d(3, 4, 3, bias=np.zeros(4)), "bias=array.* must be True or False"),
    "Conv2d, channels": (lambda: nn.Conv2d(-3, 4, 3), "in_channels=-3"),
    "Conv2d, no output": (lambda: nn.Conv2d(3, 0, 3), "out_channels=0"),
    "Conv2d, kernel": (lambda: nn.Conv2d(3, 4, (3, 0)), r"kernel_size=\(3, 0\)"),
    "Conv2d, padding": (lambda: nn.Conv2d(3, 4, 3, padding=-1), "padding=-1"),
    "Conv2d, name of a padding": (lambda: nn.Conv2d(3, 4, 3, padding="full"), "padding='full'"),
    "Conv2d, stride and same": (lambda: nn.Conv2d(3, 4, 3, 2, "same"), "padding='same' needs stride 1, not stride=2"),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 4, 3, stride=(1, 0)), r"stride=\(1, 0\)"),
    "ConvTranspose2d, channels": (lambda: nn.ConvTranspose2d(0, 4, 3), "in_channels=0"),
    "ConvTranspose2d, no output": (lambda: nn.ConvTranspose2d(3, 0.5, 3), "out_channels=0.5"),
    "ConvTranspose2d, kernel": (lambda: nn.ConvTranspose2d(3, 4, "3"), "kernel_size='3'"),
    "ConvTranspose2d, padding": (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "padding='same'"),
    "ConvTranspose2d, output": (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=-1), "output_padding=-1"),
    "ConvTranspose2d, bias": (lambda: nn.ConvTranspose2d(3, 4, 3, bias="no"), "bias='no' must be True or False"),
    "ConvTranspose2d, too much": (
        lambda: nn.ConvTranspose2d(3, 4, 3, 2, output_padding=(0, 2)),
        r"output_padding=\(0, 2\) must be smaller than stride=2",
    ),
    "MaskedLinear": (lambda: nn.MaskedLinear(3, 0), "out_features=0"),
    "MaskedConv2d": (lambda: nn.MaskedConv2d("A", 0, 3, 3), "in_channels=0"),
    "MaskedConv2d, bias": (lambda: nn.MaskedConv2d("A", 2, 3, 3, "no"), "bias='no' must be True or False"),
    "Embedding": (lambda: nn.Embedding(0, 3), "num_embeddings=0"),
    "Embedding, dim": (lambda: nn.Embedding(3, -1), "embedding_dim=-1"),
    "Embedding, padding": (lambda: nn.Embedding(3, 2, 0.5), "padding_idx=0.5"),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(0), "num_features=0"),
    "BatchNorm2d, eps": (lambda: nn.BatchNorm2d(3, -1e-5), "eps=-1e-05"),
    "BatchNorm2d, momentum": (lambda: nn.BatchNorm2d(3, momentum=1.5), "momentum=1.5"),
    "BatchNorm2d, affine": (lambda: nn.BatchNorm2d(3, affine=None), "affine=None must be True or False"),
    "BatchNorm2d, statistics": (lambda: nn.BatchNorm2d(3, track_running_stats=1), "track_running_stats=1 must"),
    "LayerNorm, bias": (lambda: nn.LayerNorm(3, bias=0.1), "bias=0.1 must"),
    "LayerNorm, affine": (lambda: nn.LayerNorm(3, 1e-5, "yes"), "elementwise_affine='yes' must"),
    "a mode": (lambda: nn.ReLU().train("evaluation"), "mode='evaluation' must be True or False"),
    "LayerNorm": (lambda: nn.LayerNorm((3, 0)), r"normalized_shape=\(3, 0\)"),
    "LayerNorm, eps": (lambda: nn.LayerNorm(3, eps=math.nan), "eps=nan"),
    "GroupNorm": (lambda: nn.GroupNorm(0, 3), "num_groups=0"),
    "GroupNorm, eps": (lambda: nn.GroupNorm(1, 3, eps="1"), "eps='1'"),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(-2), "num_features=-2"),
    "InstanceNorm2d, momentum": (lambda: nn.InstanceNorm2d(2, momentum=-0.1), "momentum=-0.1"),
    "PReLU": (lambda: nn.PReLU(0), "num_parameters=0"),
    "PReLU, init": (lambda: nn.PReLU(1, "0.25"), "init='0.25'"),
    "LeakyReLU": (lambda: nn.LeakyReLU("0.2"), "negative_slope='0.2'"),
    "ELU": (lambda: nn.ELU(None), "alpha=None"),
    "Softmax": (lambda: nn.Softmax(0.5), "dim=0.5"),
    "Softplus": (lambda: nn.Softplus(0), "beta=0"),
    "Softplus, threshold": (lambda: nn.Softplus(1, math.nan), "threshold=nan"),
    "AvgPool2d": (lambda: nn.AvgPool2d(0), "kernel_size=0"),
    "AvgPool2d, stride": (lambda: nn.AvgPool2d(2, 0), "stride=0"),
    "AvgPool2d, padding": (lambda: nn.AvgPool2d(2, padding=-1), "padding=-1"),
    "AvgPool2d, divisor": (lambda: nn.AvgPool2d(2, divisor_override=0), "divisor_override=0"),
    "MaxPool2d": (lambda: nn.MaxPool2d((2, 2, 2)), r"kernel_size=\(2, 2, 2\)"),
    "MaxPool2d, stride": (lambda: nn.MaxPool2d(2, 1.5), "stride=1.5"),
    "MaxPool2d, padding": (lambda: nn.MaxPool2d(2, padding=(0, -1)), r"padding=\(0, -1\)"),
    "Dropout": (lambda: nn.Dropout(1.5), "p=1.5"),
    "Dropout, bool": (lambda: nn.Dropout(True), "p=True"),
    "Dropout, generator": (lambda: nn.Dropout(0.5, rng=0), "rng=0 must be a numpy.random.Generator"),
    "Flatten": (lambda: nn.Flatten(0.5), "start_dim=0.5"),
    "Flatten, end": (lambda: nn.Flatten(1, None), "end_dim=None"),
    "Unflatten": (lambda: nn.Unflatten("1", (2, 2)), "dim='1'"),
    "Unflatten, sizes": (lambda: nn.Unflatten(1, (2, -3)), r"sizes=\(2, -3\)"),
    "Upsample": (lambda: nn.Upsample(scale_factor=0), "scale_factor=0"),
    "Upsample, size": (lambda: nn.Upsample((4, 2.5)), r"size=\(4, 2.5\)"),
    "Upsample, neither": (lambda: nn.Upsample(), "either size or scale_factor"),
    "Upsample, both": (lambda: nn.Upsample(4, 2), "either size or scale_factor"),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d((1, 1)), r"padding=\(1, 1\)"),
    "PixelShuffle": (lambda: nn.PixelShuffle(-2), "upscale_factor=-2"),
    "Maxout": (lambda: nn.Maxout(0), "pieces=0"),
    "MinibatchStdDev": (lambda: nn.MinibatchStdDev(0), "group_size=0"),
    "MinibatchStdDev, channels": (lambda: nn.MinibatchStdDev(4, 1.5), "num_channels=1.5"),
    "MinibatchDiscrimination": (lambda: nn.MinibatchDiscrimination(4, 0, 2), "num_kernels=0"),
    "MinibatchDiscrimination, features": (lambda: nn.MinibatchDiscrimination(0, 1, 2), "in_features=0"),
    "MinibatchDiscrimination, dim": (lambda: nn.MinibatchDiscrimination(4, 1, 0.5), "kernel_dim=0.5"),
    "SpectralNorm": (lambda: nn.SpectralNorm(nn.Linear(2, 2), 1.5), "n_power_iterations=1.5"),
    "SpectralNorm, eps": (lambda: nn.SpectralNorm(nn.Linear(2, 2), eps=-1), "eps=-1"),
    "SGD": (lambda: SGD(lr=-1.0), "lr=-1.0"),
    "SGD, string": (lambda: SGD(lr="0.1"), "lr='0.1'"),
    "SGD, momentum": (lambda: SGD(momentum=9), "momentum=9"),
    "SGD, decay": (lambda: SGD(weight_decay=-0.1), "weight_decay=-0.1"),
    "RMSprop": (lambda: RMSprop(alpha=1.1), "alpha=1.1"),
    "RMSprop, eps": (lambda: RMSprop(eps=-1e-8), "eps=-1e-08"),
    "RMSprop, momentum": (lambda: RMSprop(momentum=-0.5), "momentum=-0.5"),
    "RMSprop, decay": (lambda: RMSprop(weight_decay=None), "weight_decay=None"),
    "Adam": (lambda: Adam(lr=math.nan), "lr=nan"),
    "Adam, infinite": (lambda: Adam(lr=math.inf), "lr=inf"),
    "Adam, betas": (lambda: Adam(betas=(0.9, 1.0)), r"betas=\(0.9, 1.0\)"),
    "Adam, one beta": (lambda: Adam(betas=0.9), "betas=0.9"),
    "Adam, three betas": (lambda: Adam(betas=(0.9, 0.9, 0.9)), r"betas=\(0.9, 0.9, 0.9\)"),
    "Adam, eps": (lambda: Adam(eps=math.inf), "eps=inf"),
    "AveragedWeights": (lambda: AveragedWeights(nn.ReLU(), "0.9"), "decay='0.9'"),
    "latent_size": (partial(Game, net, net, 0, NonSaturating(), optim.Adam), "latent_size=0"),
    "critic_steps": (lambda: make("WGAN-GP", critic_steps=0), "critic_steps=0"),
    "classes": (partial(ConditionalGame, net, net, 1, NonSaturating(), optim.Adam, 2.5), "classes=2.5"),
    "WGAN's box": (lambda: make("WGAN", clip=0), "clip=0"),
    "WGAN's warm-up": (lambda: make("WGAN", warm_up=(0, 10)), "critic_steps=0"),
    "WGAN-GP's penalty": (lambda: make("WGAN-GP", penalty_weight=-10), "weight=-10"),
    "a penalty's slope": (lambda: GradientPenalty(center=math.nan), "center=nan"),
    "R1's weight": (lambda: R1(-1.0), "gamma=-1.0"),
    "AC-GAN's penalty": (lambda: make("AC-GAN", penalty_weight="10"), "weight='10'"),
    "AC-GAN's classes": (lambda: make("AC-GAN", class_weights=(1.0,)), r"class_weights=\(1.0,\)"),
    "LSGAN's codes": (lambda: make("LSGAN", codes=(0, "1", 1)), "real_target='1'"),
    "LeastSquares": (lambda: LeastSquares(generator_target=math.nan), "generator_target=nan"),
    "Minimax": (lambda: Minimax(math.nan), "real_target=nan"),
}


@pytest.mark.parametrize("attempt, message", REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_when_it_is_made(attempt, message):
    with pytest.raises((TypeError, ValueError), match=f"{message}"):
        attempt()


OWNERS = {name: partial(make, name) for name in GAMES} | {
    "SGD": SGD, "RMSprop": RMSprop, "Adam": Adam,
    "Linear": lambda: nn.Linear(3, 2), "Conv2d": lambda: nn.Conv2d(3, 2, 3), "LeakyReLU": nn.LeakyReLU,
    "BatchNorm2d": lambda: nn.BatchNorm2d(3), "LayerNorm": lambda: nn.LayerNorm((2, 3)), "Dropout": nn.Dropout,
    "MaxPool2d": lambda: nn.MaxPool2d(2, 1), "Upsample": lambda: nn.Upsample(scale_factor=2), "PReLU": nn.PReLU,
}  # fmt: skip


def test_what_varies_is_checked_at_once_and_in_each_iteration():
    class Schedule:
        steps = Varying()

    schedule = Schedule()
    schedule.steps = np.int64(3)
    assert type(schedule.steps) is int
    schedule.steps = lambda iteration: 5 - iteration
    assert [schedule.steps(i) for i in range(5)] == [5, 4, 3, 2, 1]
    with pytest.raises(ValueError, match=r"steps=0 must be a whole number in \[1, ∞\)"):
        schedule.steps(5)
    with pytest.raises(TypeError, match="steps=0.5 must be a whole number"):
        schedule.steps = lambda iteration: iteration + 0.5


@pytest.mark.parametrize("owner", OWNERS)
def test_an_option_that_is_changed_later_is_checked_too(owner):
    owner = OWNERS[owner]()
    assert options_of(owner)
    for name, value in options_of(owner).items():
        if value is not None and not callable(value):
            for same in (np.asarray(value), Tensor(np.asarray(value)), np.asarray(value)[()]):
                setattr(owner, name, same)
                assert vars(owner)[name] == value and type(vars(owner)[name]) is type(value)
        with pytest.raises(TypeError, match=f"{name}="):
            setattr(owner, name, object())
