"""Is every line held by a test? Mistakes are made in a file, line by line, and those that no test notices are listed.

    python tests/lines.py scratchgan/optim.py

`tests/mutants` holds mistakes that someone thought of; these make themselves, from the syntax: a comparison shifted by
its boundary, an argument left out (so that its default holds), a sign turned, a number replaced, a statement dropped.
Each is planted in a copy, as the mutants are, and the tests that execute the line run. These are sought in the test
file that mirrors the source, in those that kill its mutants (without any, that name it), and in test_errors.py.
With --tests, others run, too.

Not every survivor is a gap: x.max(0) is x.max(), where x has one axis. But an option that can be left out, or a bound
that can be moved, wants a test. The change is shown as `tests/mutants` writes it.
"""

import argparse
import ast
import json
import os
import random
import re
import sys
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutants
from places import DEMOS, PACKAGE, ROOT, TESTS
from planted import pass_in

Mistake = namedtuple("Mistake", "line, right, wrong, source")

OTHERS = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}


def mistakes(source):
    """All that can be made in a program, in the order of its lines."""
    text = source.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line, column):
        return starts[line - 1] + column

    found = []
    for node in _program(ast.parse(source)):
        for part, wrong in _wrong(node):
            begin, end = place(part.lineno, part.col_offset), place(part.end_lineno, part.end_col_offset)
            changed = (text[:begin] + wrong.encode() + text[end:]).decode()
            found.append(Mistake(part.lineno, text[begin:end].decode(), wrong, changed))
    return sorted(found, key=lambda mistake: mistake.line)


def _program(node):
    """The nodes below one, without texts, annotations and what an error says."""
    yield node
    for name, value in ast.iter_fields(node):
        skip = isinstance(node, ast.Raise | ast.JoinedStr) or name in ("annotation", "returns", "decorator_list")
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not skip:
                yield from _program(child)


def _wrong(node):
    """Pairs of a node, this one or a part of it, and the text that may stand there by mistake."""
    match node:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for other in OTHERS[type(op)]:
                    yield node, _text(node, ops=[*ops[:i], other(), *ops[i + 1 :]])
        case ast.BinOp(op=op) if type(op) in OTHERS:
            yield node, _text(node, op=OTHERS[type(op)][0]())
        case ast.AugAssign(op=op) if type(op) in OTHERS:
            yield node, ast.unparse(_with(node, op=OTHERS[type(op)][0]()))
            yield node, "pass"
        case ast.BoolOp(values=values):
            for i in range(len(values)):
                yield node, _text(node, values=values[:i] + values[i + 1 :])
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield node, f"({ast.unparse(operand)})"
        case ast.IfExp(body=body, orelse=orelse):
            yield node, _text(node, body=orelse, orelse=body)
        case ast.If(test=test) | ast.While(test=test):
            yield test, f"(not ({ast.unparse(test)}))"
        case ast.comprehension(ifs=ifs):
            yield from ((condition, "True") for condition in ifs)
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value)):
            yield node, f"({value + 1})"
        case ast.Constant(value=float(value)):
            yield node, f"({2 * value or 1.0})"
        case ast.Call():
            yield from ((node, text) for text in _calls(node))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Break() | ast.Continue() | ast.Delete():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"


def _calls(call):
    """With an argument less, or only its argument."""
    args, keywords = call.args, call.keywords
    if len(args) > 1:
        yield _text(call, args=args[:-1])
    for i in range(len(keywords)):
        yield _text(call, keywords=keywords[:i] + keywords[i + 1 :])
    if len(args) == 1 and not keywords and not isinstance(args[0], ast.Starred | ast.GeneratorExp):
        yield f"({ast.unparse(args[0])})"
    if not args and not keywords and isinstance(call.func, ast.Attribute):
        yield f"({ast.unparse(call.func.value)})"


def _with(node, **fields):
    return type(node)(**dict(ast.iter_fields(node)) | fields)


def _text(node, **fields):
    return f"({ast.unparse(_with(node, **fields))})"


def test_files(file):
    """The test file that mirrors a source file and those that kill its mutants; without any, those that name it."""
    killers = {killer.partition("::")[0] for m in mutants.read() if m.file == file for killer in m.killers}
    inner = Path(file).relative_to(DEMOS.name if file.startswith(DEMOS.name) else PACKAGE.name)
    mirrored = {inner.with_name(f"test_{inner.name}")} & {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    known = killers | {path.as_posix() for path in mirrored} or set(_who_names(Path(file)))
    return sorted(known | ({"test_errors.py"} if file.startswith(PACKAGE.name) else set()))


def _who_names(source):
    folder, name = source.parent.name, source.stem
    words = rf"\b{name}(\.py)?\"" if folder == DEMOS.name else rf"\b{folder}(\.| import .*\b){name}\b"
    for path in TESTS.rglob("test_*.py"):
        if re.search(words, path.read_text(encoding="utf-8")):
            yield path.relative_to(TESTS).as_posix()


def executed(file, tests):
    """{test: (seconds, lines)}: what each of the tests executes of a file; the fastest first."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).resolve()
        mutants.copy(folder)
        options = ("-p", "executed", "--executed-in", str(folder / file), "--maxfail=1000")
        pass_in(folder, *tests, options=options, seconds=1000)
        found = json.loads((folder / "executed.json").read_text())
    return {test.removeprefix("tests/"): (seconds, set(lines)) for test, (seconds, lines) in found.items()}


def is_caught(file, mistake, tests, budget):
    """Whether a test that executes the line fails, of as many as there is time for; of all, if none is known to."""
    chosen = [test for test, (_, lines) in tests.items() if mistake.line in lines] or list(tests)
    spent = 0
    for i, test in enumerate(chosen):
        spent += tests[test][0]
        if spent > budget:
            chosen = chosen[: i + 1]
    with tempfile.TemporaryDirectory() as folder:
        mutants.copy(Path(folder))
        (Path(folder) / file).write_text(mistake.source, encoding="utf-8")
        try:
            return not pass_in(Path(folder), *chosen, seconds=int(10 + 3 * spent))
        except RuntimeError:  # not even imported
            return True


def survivors(file, tests=(), sample=None, rng=random, budget=20, lines=None):
    """How many mistakes were made in a file, and those that nothing noticed."""
    chosen = [m for m in mistakes((ROOT / file).read_text(encoding="utf-8")) if lines is None or m.line in lines]
    if sample is not None and sample < len(chosen):
        chosen = sorted(rng.sample(chosen, sample), key=lambda mistake: mistake.line)
    tests = executed(file, [*test_files(file), *tests])
    if not tests:
        raise SystemExit(f"no test of {file} is known: name some with --tests")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        caught = pool.map(lambda mistake: is_caught(file, mistake, tests, budget), chosen)
        return len(chosen), [mistake for mistake, seen in zip(chosen, caught) if not seen]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="of the package or the demos; without any, one of them is drawn")
    parser.add_argument("--lines", metavar="A-B", help="only these")
    parser.add_argument("--sample", type=int, metavar="N", help="make N mistakes, drawn at random; default: all")
    parser.add_argument("--seed", default="0", help="of the draw; any text")
    parser.add_argument("--tests", nargs="+", default=[], metavar="TEST", help="more tests, seen from tests/")
    parser.add_argument("--seconds", type=float, default=20, metavar="S", help="of tests for one mistake; default: 20")
    flags = parser.parse_args()
    rng = random.Random(flags.seed)
    lines = range(int(flags.lines.split("-")[0]), int(flags.lines.split("-")[-1]) + 1) if flags.lines else None
    files = flags.files or [rng.choice(sorted({mutant.file for mutant in mutants.read()}))]
    for file in files:
        made, found = survivors(file, flags.tests, flags.sample, rng, flags.seconds, lines)
        for mistake in found:
            print(f"{file}:{mistake.line}\n    - {mistake.right}\n    + {mistake.wrong}")
        print(f"{file}: {made} mistakes, {len(found)} of them unnoticed", flush=True)


if __name__ == "__main__":
    sys.exit(main())
