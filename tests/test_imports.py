"""The floors of the house: imports run one way, from demos down to the backend. Found by reading every file."""

import ast
from pathlib import Path

import pytest

import scratchgan

ROOT = Path(scratchgan.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# From the cellar up, what the modules of each floor may import of the package; and each its own, where it is a folder.
ENGINE = {"backend", "threads", "tensor", "hints", "functional"}
NETWORKS = ENGINE | {"nn", "optim"}
FILES_AND_DATA = {"npy", "checkpoint", "data"}
FLOORS = {
    "backend": set(),
    "threads": set(),
    "ranks": {"backend"},
    "tensor": {"backend"},
    "hints": {"tensor"},
    "functional": {"tensor", "backend", "threads"},
    "nn": ENGINE,
    "optim": ENGINE | {"nn"},
    "losses": ENGINE | {"nn"},
    "testing": ENGINE | {"nn", "losses"},
    "npy": set(),
    "checkpoint": {"npy"},
    "data": {"npy", "hints"},
    "metrics": NETWORKS | FILES_AND_DATA,
    "models": NETWORKS | {"ranks", "losses", "data", "npy", "metrics"},
    "training": NETWORKS | FILES_AND_DATA | {"ranks", "losses", "models", "metrics", "*"},
    "lab": NETWORKS | FILES_AND_DATA | {"ranks", "losses", "models", "metrics", "training"},
    "site": set(),
    "__main__": {"ranks", "nn", "models", "training", "checkpoint", "metrics", "testing"},  # the command is the roof
}
# The models that build on another, as their papers do, and what models have in common.
SISTERS = {
    ("stylegan", "progan"), ("wgan_gp", "wgan"), ("logan", "acgan"), ("pixelvae", "gated_pixelcnn"),
    ("pixelgan", "gated_pixelcnn"), ("pixelgan", "aae"),
}  # fmt: skip
SHARED = {
    "model", "autoregressive", "game", "growing", "latents", "networks", "pool", "priors", "stacked", "superres", "vgg",
}  # fmt: skip


def module_name(path):
    """scratchgan/nn/init.py -> ("nn", "init"); the package's own __init__ -> ()."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path):
    """The absolute names of everything a file imports, wherever in the file: "numpy", "scratchgan.nn.init.uniform"."""
    package = ("scratchgan", *module_name(path))
    package = package if path.name == "__init__.py" else package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def inner_imports(path):
    """What a file imports of the package: {("nn", "init", …), …}, and ("*",) for the package as a whole."""
    names = [name.split(".") for name in imports(path)]
    return {tuple(parts[1:]) or ("*",) for parts in names if parts[0] == "scratchgan"}


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
inside = [path for path in FILES if module_name(path)]


def test_the_files_are_found():
    assert {module_name(path)[0] for path in inside} >= {
        "backend",
        "tensor",
        "functional",
        "nn",
        "optim",
        "models",
        "data",
        "metrics",
    }


def test_the_floors_stand_on_one_another():
    below = {"*"}
    for floor, allowed in FLOORS.items():
        assert allowed <= below, f"{floor} may import {allowed - below}, which are no lower floors"
        below.add(floor)


@pytest.mark.parametrize("path", inside, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_floor_imports_only_lower_floors(path):
    floor = module_name(path)[0]
    assert floor in FLOORS, f"{floor} is a new floor: enter in FLOORS what it may import"
    allowed = FLOORS[floor] | {floor}
    wrong = {".".join(target) for target in inner_imports(path) if target[0] not in allowed}
    assert not wrong, f"{path.relative_to(ROOT)} must not import {wrong}"


@pytest.mark.parametrize(
    "path", [p for p in inside if module_name(p)[0] == "models" and p.stem != "__init__"], ids=lambda path: path.stem
)
def test_a_model_imports_no_other_model(path):
    others = {target[1] for target in inner_imports(path) if target[0] == "models"} - SHARED
    assert all((path.stem, other) in SISTERS for other in others), f"{path.stem} imports {others}"


@pytest.mark.parametrize(
    "path", [p for p in inside if module_name(p)[0] not in ("training", "lab", "__main__")], ids=lambda path: path.stem
)
def test_nothing_below_imports_training(path):
    assert "training" not in {target[0] for target in inner_imports(path)}


def words_of_the_code(path):
    """Every name and string of a file but its docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        yield from (v for _, v in ast.iter_fields(node) if isinstance(v, str) and not isinstance(node, ast.Constant))


@pytest.mark.parametrize("path", [p for p in FILES if module_name(p) != ("backend",)], ids=lambda path: path.stem)
def test_only_the_backend_knows_cupy(path):
    assert not [word for word in words_of_the_code(path) if "cupy" in word.lower()]


def test_the_words_of_the_backend_do_contain_cupy():
    """So the test above can fail."""
    assert any("cupy" in word for word in words_of_the_code(ROOT / "backend.py"))


@every_file
def test_nobody_imports_another_engine(path):
    engines = {"torch", "tensorflow", "jax", "keras", "autograd", "chainer"}
    assert not engines & {name.split(".")[0] for name in imports(path)}
