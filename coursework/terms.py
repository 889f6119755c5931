"""A term, and what it draws: each term asks for other networks and other numbers.

The name of a term is the seed: the same name gives the same assignments on every machine.
"""

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).parent
ASSIGNMENTS = ("counting", "bptt", "training", "language-model")
SHOWN_TERM = "sample"  # the term whose assignments the book shows until an instructor chooses one


class Trouble(Exception):
    """Something that the person at the keyboard can mend; the text says how."""


@dataclass(frozen=True)
class Draw:
    """What a term draws for one assignment: every name that the assignment's text uses."""

    assignment: str
    term: str
    values: dict[str, object]
    kinds: tuple[str, ...]  # the names in `values` that change what a right answer computes

    @property
    def kind(self) -> tuple[object, ...]:
        """The values that a right answer depends on: two terms with the same share answers."""
        return tuple(self.values[name] for name in self.kinds)


def check_term(term: str) -> str:
    """Return the name of a term if a folder can be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", term):
        raise Trouble(
            f"A term is named with letters, digits, '-', '.' and '_' (at most 40), for instance "
            f"TERM=2027-spring. This came: {term!r}."
        )
    return term


def check_assignment(name: str) -> str:
    """Return the name of an assignment if there is one."""
    if name not in ASSIGNMENTS:
        raise Trouble(f"There is no assignment {name!r}. There are: {', '.join(ASSIGNMENTS)}.")
    return name


@cache
def draw(assignment: str, term: str) -> Draw:
    """Return what a term draws for an assignment."""
    module = load(assignment, "twist")
    seed = hashlib.sha256(f"{check_term(term)}/{check_assignment(assignment)}".encode()).digest()
    rng = np.random.default_rng(list(seed))
    return Draw(assignment, term, module.draw(rng), tuple(module.KINDS))


def load(assignment: str, name: str) -> ModuleType:
    """Import a Python file from the folder of an assignment."""
    path = HERE / "assignments" / check_assignment(assignment) / f"{name}.py"
    module_name = f"coursework_{assignment.replace('-', '_')}_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
