"""The mutants: mistakes to plant in the source, each with the test that must turn red.

They lie in the folder ``mutants``, which mirrors the package: those of ``models/wgan_gp.py`` in
``mutants/models/wgan_gp.txt``. Beside them lie those of the demos: ``mutants/demos/latent.txt``. An entry names the
mistake, shows the change as a difference, and says which tests catch it:

    one ε for the whole batch
        - rng.random((len(real), *(1,) * (real.ndim - 1)))
        + rng.random((1,) * real.ndim)
        killed by models/test_wgan_gp.py::test_each_sample_has_one_epsilon_of_its_own
"""

import random
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from places import DEMOS, PACKAGE, ROOT, TESTS
from planted import pass_in

TABLES = TESTS / "mutants"


@dataclass(frozen=True)
class Mutant:
    """A mistake: in ``file``, the text ``right`` becomes ``wrong``, and the tests ``killers`` fail."""

    name: str
    file: str
    right: str
    wrong: str
    killers: tuple

    def planted(self):
        """The source of the file with the mistake in it."""
        source = (ROOT / self.file).read_text(encoding="utf-8")
        if source.count(self.right) != 1:
            raise ValueError(f"{self.file} contains {source.count(self.right)} times, not once:\n{self.right}")
        return source.replace(self.right, self.wrong)

    def survives(self):
        """Those killers that pass although the mistake is planted in a copy."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder).resolve()
            copy(folder)
            (folder / self.file).write_text(self.planted(), encoding="utf-8")
            return [killer for killer in self.killers if pass_in(folder, killer)]


def copy(folder):
    """The package and the demos as they are, without pictures."""
    for source in (PACKAGE, DEMOS):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("*.png", "*.gif"))


def drawn(mutants, number, seed, changed=()):
    """As many mutants as said: first those of the files that changed, then any."""
    mixed = random.Random(seed).sample(mutants, len(mutants))
    return set(sorted(mixed, key=lambda mutant: mutant.file not in changed)[:number])


def last_commits(number=10):
    """The last commit, and the files that it and those before it changed, or whose mutants they changed."""

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.split() if done.returncode == 0 else []  # where there is no history

    changed = set(git("log", f"-{number}", "--name-only", "--format=", "--relative"))
    tables = [path.relative_to(TABLES) for path in map(ROOT.joinpath, changed) if TABLES in path.parents]
    return "".join(git("rev-parse", "HEAD")), changed | {_source(table) for table in tables}


def read(folder=TABLES):
    """All mutants, file by file."""
    return [
        _parsed(_source(path.relative_to(folder)), *block.splitlines())
        for path in sorted(folder.rglob("*.txt"))
        for block in path.read_text(encoding="utf-8").split("\n\n")
    ]


def _source(table):
    """The file that a table is about, seen from `ROOT`: of the demos, or else of the package."""
    folder = ROOT if table.parts[0] == DEMOS.name else PACKAGE
    return (folder / table).with_suffix(".py").relative_to(ROOT).as_posix()


def _parsed(file, name, *lines):
    marked = {mark: [line[6:] for line in lines if line[4:5] == mark] for mark in "-+"}
    killers = [line.split(" by ")[1] for line in lines if line.startswith("    killed by ")]
    if len(killers) + sum(map(len, marked.values())) != len(lines):
        raise ValueError(f"{file}: the entry {name!r} has a line that is none of '-', '+' and 'killed by'")
    return Mutant(name, file, "\n".join(marked["-"]), "\n".join(marked["+"]), tuple(killers))
