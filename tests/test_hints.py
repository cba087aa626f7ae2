"""Type hints: every public name of the interface has them, and the stubs agree with what is there at run time."""

import ast
import importlib
import inspect
import pkgutil
import re
import types
import typing

import numpy as np
import pytest
from instances import MODELS
from places import PACKAGE, TESTS

from scratchgan import (
    Tensor,
    checkpoint,
    data,
    functional,
    lab,
    losses,
    metrics,
    nn,
    optim,
    tensor,
    testing,
    training,
)
from scratchgan.data import Batches, Dataset, Streams, bicubic, captions, colours, find, load, toy, views
from scratchgan.functional import methods
from scratchgan.lab import dirac, errata, gaussians, latent, limits, plane, shapes, styles
from scratchgan.models import autoregressive, game, growing, latents, model, networks
from scratchgan.nn import options
from scratchgan.testing import adjoint, cases, check

# The stubs: of the functions behind their entrance, and of Tensor, whose methods come later ---------------------------


def stubs(path):
    """What a stub declares: {name: node}, and {"Class.name": node}."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    inner = [(node.name + ".", node.body) for node in tree.body if isinstance(node, ast.ClassDef)]
    nodes = [(owner, node) for owner, body in [("", tree.body), *inner] for node in body]
    named = [(owner + node.name, node) for owner, node in nodes if hasattr(node, "name")]
    return dict(named) | {owner + node.target.id: node for owner, node in nodes if isinstance(node, ast.AnnAssign)}


def said(node):
    """The parameters of a stub, as it is written, without their types."""
    bare = ast.parse(f"def bare({ast.unparse(node.args)}): pass").body[0]
    for inner in ast.walk(bare):
        if isinstance(inner, ast.arg):
            inner.annotation = None
    return ast.unparse(bare.args).split(", ")


def meant(function):
    """The same of a function."""
    parameters = inspect.signature(function).parameters.values()
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters]))[1:-1].split(", ")


def typed(node):
    """The types of a stub's parameters, where they are said, and of what it gives: {name: text}."""
    given = [arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg) and arg.annotation]
    return {arg.arg: ast.unparse(arg.annotation) for arg in given} | {"return": ast.unparse(node.returns)}


FUNCTIONS, ENGINE = stubs("functional/__init__.pyi"), stubs("tensor.pyi")
ABSENT = {name for names in methods._ELSEWHERE for name in names.split()}  # PyTorch's, whose use is an error here


def test_the_stub_has_every_function_and_no_other():
    assert {name for name, node in FUNCTIONS.items() if isinstance(node, ast.FunctionDef)} == set(functional.__all__)


@pytest.mark.parametrize("name", functional.__all__)
def test_a_function_is_as_its_stub_says(name):
    assert said(FUNCTIONS[name]) == meant(getattr(functional, name)) and typed(FUNCTIONS[name])["return"] == "Tensor"


def test_the_stub_has_all_of_a_tensor_and_no_more():
    public = {name for name in dir(Tensor) if name[0] != "_"} - ABSENT
    operators = {*methods._OPERATORS, "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
    declared = {name.removeprefix("Tensor.") for name in ENGINE if name.startswith("Tensor.")}
    assert public | operators <= declared and all(hasattr(Tensor, name) for name in declared)


@pytest.mark.parametrize("name", [name for name in dir(Tensor) if name[0] != "_" and name not in ABSENT])
def test_a_method_is_as_its_stub_says(name):
    method = inspect.getattr_static(Tensor, name)
    if inspect.isfunction(method):
        assert said(ENGINE[f"Tensor.{name}"])[1:] == meant(method)[1:]


@pytest.mark.parametrize("name", sorted({name for name in dir(Tensor) if name[0] != "_"} & {*functional.__all__}))
def test_a_method_has_the_types_of_its_function(name):
    """A reduction has NumPy's names besides, and takes None for all axes."""
    (_, *function), method = typed(FUNCTIONS[name]).items(), typed(ENGINE[f"Tensor.{name}"]).items()
    assert {name: text.removesuffix(" | None") for name, text in method}.items() >= {
        (name, text.removesuffix(" | None")) for name, text in function
    }


KINDS = {bool: "bool", int: "int|float|Axes|Pair", float: "float", str: "str", type(None): "None"}
DECLARED = {**FUNCTIONS, **ENGINE, **stubs("nn/options.pyi")}


@pytest.mark.parametrize("name", [name for name, node in DECLARED.items() if isinstance(node, ast.FunctionDef)])
def test_a_default_is_of_the_type_that_is_said(name):
    arguments = DECLARED[name].args
    ends = arguments.args[len(arguments.args) - len(arguments.defaults) :], arguments.kwonlyargs
    for arg, value in zip([*ends[0], *ends[1]], arguments.defaults + arguments.kw_defaults):
        if value is not None and ast.unparse(value) not in ("()", "..."):
            assert re.search(KINDS[type(ast.literal_eval(value))], ast.unparse(arg.annotation)), arg.arg


def test_short_names_are_declared_to_be_types():
    """Else mypy takes those for variables that are made of each other."""
    nodes = ast.parse((PACKAGE / "hints.py").read_text(encoding="utf-8")).body
    declared = [node for node in nodes if isinstance(node, ast.AnnAssign)]
    assert declared and {node.annotation.id for node in declared} == {"TypeAlias"}
    assert not any(isinstance(node, ast.Assign) for node in nodes)


@pytest.mark.parametrize("name", [name for name, node in ENGINE.items() if getattr(node, "name", "") == name])
def test_the_engine_is_as_its_stub_says(name):
    if isinstance(ENGINE[name], ast.FunctionDef):
        assert said(ENGINE[name]) == meant(getattr(tensor, name))


@pytest.mark.parametrize("name", ["Number", "Whole", "Several"])
def test_an_option_is_as_its_stub_says(name):
    assert said(stubs("nn/options.pyi")[f"{name}.__init__"]) == meant(getattr(options, name).__init__)


# The hints of the rest ------------------------------------------------------------------------------------------------


INSIDE = ("scratchgan.nn.options", "scratchgan.nn.state")  # of use to layers only; the first has a stub


def files(room):
    """The modules of a folder, but a command."""
    names = [file.name for file in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


ROOMS = [nn, losses, optim, metrics, training, *files(data), *files(lab)]
ROOMS += [model, game, growing, autoregressive, networks, latents, check, adjoint, cases]


def public(room):
    """Its own functions, and the methods and properties of its classes, but the private ones."""
    for value in [value for name, value in vars(room).items() if name[0] != "_"]:
        for found in vars(value).values() if inspect.isclass(value) else [value]:
            function = getattr(found, "fget", None) or getattr(found, "__func__", found)
            if inspect.isfunction(function) and re.match("[a-z]|__(init|call)__", function.__name__):
                if f"{function.__module__}.".startswith(f"{room.__name__}.") and function.__module__ not in INSIDE:
                    yield function


HINTED = {f"{f.__module__.removeprefix('scratchgan.')}.{f.__qualname__}": f for room in ROOMS for f in public(room)}
HINTED |= {f"checkpoint.{f.__name__}": f for f in (checkpoint.save, checkpoint.load)}


@pytest.mark.parametrize("name", sorted(HINTED))
def test_it_says_what_it_takes_and_gives(name):
    function = HINTED[name]
    signature = inspect.signature(function)
    free = {"self", "cls", "options"} | {name for name, p in signature.parameters.items() if p.kind is p.VAR_KEYWORD}
    if function.__qualname__ in ("Module.__call__", "ModuleList.forward"):
        free |= {"args"}
    assert {name for name, p in signature.parameters.items() if p.annotation is p.empty} <= free
    assert function.__name__ == "__init__" or signature.return_annotation is not signature.empty


@pytest.mark.parametrize("room", [data, losses, metrics, nn, testing, training], ids=lambda room: room.__name__)
def test_what_a_room_offers_is_said_to_editors_too(room):
    """They read the list, and take a name that is imported but not in it for private."""
    imported = [node for node in ast.parse(inspect.getsource(room)).body if isinstance(node, ast.ImportFrom)]
    assert room.__all__ == sorted(alias.name for node in imported for alias in node.names)


# What they say is true ------------------------------------------------------------------------------------------------


def fits(value, hint):
    """Whether a value is of a hinted type. What is drawn from an iterator is not looked at."""
    kind, parts = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if hint is float:
        return isinstance(value, (int, float))
    if kind is tuple:
        parts = parts[:1] * len(value) if ... in parts else parts
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(fits, value, parts))
    if kind is dict:
        return isinstance(value, dict) and all(map(fits, value.items(), [tuple[parts]] * len(value)))
    return isinstance(value, kind or hint) and (kind is not list or all(fits(each, *parts) for each in value))


@pytest.mark.parametrize(
    "value, hint",
    [
        (None, int),
        (1.5, int | str),
        ((1, "a"), tuple[int, ...]),
        ((1, 2), tuple[int]),
        ({"a": None}, dict[str, float]),
        ([1, "a"], list[int]),
        (np.zeros(1)[0], np.ndarray),
        (np.float32(0), float),
    ],
)
def test_what_does_not_fit_is_noticed(value, hint):
    assert not fits(value, hint)


RNG = np.random.default_rng(0)
PIXELS = RNG.integers(256, size=(20, 3, 28, 28), dtype=np.uint8)
DIGITS = Dataset("digits", PIXELS[:, :1], np.arange(20) % 10, "nowhere")
PICTURES = Dataset("pictures", PIXELS, None, "nowhere")
LINE, NETWORK, DUEL = np.linspace(-1, 1, 9), networks.small_generator(2, 1, RNG), dirac.DUELS["minimax"]
RING = toy.eight_gaussians()

CALLS = [
    (next, Batches(DIGITS.images, 2, RNG)), (Batches(DIGITS.images, 2, RNG).examples, 2),
    (Batches(DIGITS.images, 2, RNG).state_dict,), (Streams((PIXELS, PIXELS), 2, RNG).examples, 2),
    (find, "tiles"), (load, "mnist", "train", None, True), (DIGITS.sized, 32, 3), (DIGITS.in_full, 1),
    (views.few, DIGITS, 3), (views.labelled, DIGITS), (views.outlines, DIGITS), (views.two_colours, DIGITS),
    (views.coloured, DIGITS.images, views.ORANGE, views.BLACK), (views.binarised, PIXELS, RNG),
    (toy.batches, RING, 2, RNG), (RING.sample, 2, RNG), (RING.density, (0, 0)), (RING.density, [(0, 0)]),
    (toy.Checkerboard().density, (0, 0)), (bicubic.smaller, PIXELS, 2), (bicubic.kernel, 0.5),
    (colours.contrast, "red", "blue"), (colours.nearest, (0, 0, 0)), (colours.nearest, PIXELS[:, :, 0, 0]),
    (colours.clusters, PIXELS[0, 0], 2), (colours.by_colour, PICTURES, 32, False), (colours.separated, PIXELS),
    (captions.compose, (1, 3, 0), RNG), (captions.encode, "a red seven on white"), (captions.decode, (1, 2)),
    (captions.unseen, 0, 3), (captions.pairs_of, 1, True), (captions.coloured_digits, DIGITS),
    (latents.slerp, LINE, LINE[::-1], [0.5]), (latents.of_kinds, (2, 12), RNG), (latents.plane, 2),
    (networks.dense, (2, 2), RNG), (networks.count, NETWORK), (networks.receptive_field, networks.patch_critic(RNG)),
    (check.worst_errors, Tensor.exp, [LINE]), (check.slopes, Tensor.exp, [LINE]), (check.allowed, 2),
    (adjoint.check_adjoint, Tensor.neg, LINE), (cases.normal, 2), (cases.CASES[0].arrays,),
    (dirac.spectral_radius, DUEL, 0.1), (dirac.play, DUEL, 2), (dirac.field, DUEL, [(1, 1)]),
    (gaussians.TwoGaussians(1.0).slopes, LINE), (gaussians.TwoGaussians(1.0).mean_slopes,),
    (gaussians.best_gaussian, max), (limits.alike, "hinge"), (limits.least_loss, "minimax", [1, 2], [2, 1]),
    (limits.slope_for, 1.0), (latent.largest_step, PIXELS, PIXELS), (latent.same_digit, PIXELS[0, 0], PIXELS[0, 1]),
    (plane.train, plane.RECIPES["r1"], RING, 1, 0), (plane.critic, RNG), (shapes.best_line, 1.0, 10.0, 2),
    (shapes.reduced, "pixel norm", (1, 2, 3, 3)), (styles.spread, PIXELS), (errata.deviation, PIXELS / 255),
    (errata.first_step, 2, True, optim.SGD),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: getattr(call[0], "__qualname__", call[0]))
def test_what_comes_back_is_what_was_said(call):
    function, *given = call
    method = function if function is not next else given[0].__next__
    assert fits(function(*given), typing.get_type_hints(method)["return"])


@pytest.mark.parametrize("name", ["GAN", "ProGAN", "CGAN", "PixelCNN"])
def test_what_a_model_gives_is_what_was_said(name):
    tiny = MODELS[name]
    found = tiny.build(RNG)
    stream = tiny.batches(RNG, found.low)
    for method, *given in [
        (found.train_step, stream, RNG), (found.draw, stream), (found.samples, 3, RNG),
        (found.show, found.draw(iter([stream.examples(8)])), RNG), (found.strip, 2, 3, RNG), (found.drawing_parts,),
    ]:  # fmt: skip
        assert fits(method(*given), typing.get_type_hints(inspect.unwrap(method))["return"])


def test_the_hints_ship():
    settings = (TESTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert (PACKAGE / "py.typed").exists()
    assert (
        '\nscratchgan = ["py.typed", "*.pyi"]\n"scratchgan.functional" = ["*.pyi"]\n"scratchgan.nn" = ["*.pyi"]\n'
        in settings
    )
