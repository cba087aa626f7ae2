"""Type hints: every public name of the interface has them, and the stubs agree with what is there at run time."""

import ast
import inspect
import re

import pytest
from places import PACKAGE, TESTS

from scratchgan import Tensor, checkpoint, functional, losses, metrics, nn, optim, tensor, training
from scratchgan.functional import methods
from scratchgan.models import model
from scratchgan.nn import options

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


def types(node):
    """The types of a stub's parameters, where they are said, and of what it gives: {name: text}."""
    given = [arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg) and arg.annotation]
    return {arg.arg: ast.unparse(arg.annotation) for arg in given} | {"return": ast.unparse(node.returns)}


FUNCTIONS, ENGINE = stubs("functional/__init__.pyi"), stubs("tensor.pyi")
ABSENT = {name for names in methods._ELSEWHERE for name in names.split()}  # PyTorch's, whose use is an error here


def test_the_stub_has_every_function_and_no_other():
    assert {name for name, node in FUNCTIONS.items() if isinstance(node, ast.FunctionDef)} == set(functional.__all__)


@pytest.mark.parametrize("name", functional.__all__)
def test_a_function_is_as_its_stub_says(name):
    assert said(FUNCTIONS[name]) == meant(getattr(functional, name)) and types(FUNCTIONS[name])["return"] == "Tensor"


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
    (_, *function), method = types(FUNCTIONS[name]).items(), types(ENGINE[f"Tensor.{name}"]).items()
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
    assert len(declared) == 6 and {node.annotation.id for node in declared} == {"TypeAlias"}
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
ROOMS = tuple(f"scratchgan.{room}" for room in ("nn.", "losses.", "optim", "metrics.", "training.", "models.model"))


def public(*rooms):
    """The functions of these, and the methods of their classes, but the private ones."""
    for value in {id(value): value for room in rooms for value in vars(room).values()}.values():
        for function in vars(value).values() if inspect.isclass(value) else [value]:
            if inspect.isfunction(function) and re.match("[a-z]|__(init|call)__", function.__name__):
                if function.__module__.startswith(ROOMS) and function.__module__ not in INSIDE:
                    yield function


HINTED = sorted({f.__qualname__: f for f in public(nn, losses, optim, metrics, training, model)}.items())
HINTED += [(f"checkpoint.{f.__name__}", f) for f in (checkpoint.save, checkpoint.load)]


@pytest.mark.parametrize("function", [f for _, f in HINTED], ids=[name for name, _ in HINTED])
def test_it_says_what_it_takes_and_gives(function):
    signature = inspect.signature(function)
    free = {"self", "options"} | {name for name, p in signature.parameters.items() if p.kind is p.VAR_KEYWORD}
    if function.__qualname__ in ("Module.__call__", "ModuleList.forward"):
        free |= {"args"}
    assert {name for name, p in signature.parameters.items() if p.annotation is p.empty} <= free
    assert function.__name__ == "__init__" or signature.return_annotation is not signature.empty


@pytest.mark.parametrize("room", [losses, metrics, nn], ids=lambda room: room.__name__)
def test_what_a_room_offers_is_said_to_editors_too(room):
    """They read the list, and take a name that is imported but not in it for private."""
    imported = [node for node in ast.parse(inspect.getsource(room)).body if isinstance(node, ast.ImportFrom)]
    assert room.__all__ == sorted(alias.name for node in imported for alias in node.names)


def test_the_hints_ship():
    settings = (TESTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert (PACKAGE / "py.typed").exists()
    assert (
        '\nscratchgan = ["py.typed", "*.pyi"]\n"scratchgan.functional" = ["*.pyi"]\n"scratchgan.nn" = ["*.pyi"]\n'
        in settings
    )
