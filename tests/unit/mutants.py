"""A module of the library with one line replaced by a wrong one, to see that a test notices it."""

from pathlib import Path
from types import ModuleType


def with_a_fault(module, line, wrong):
    """Return a second copy of `module`; a line that is not there once is an error of the test."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(line) == 1, f"{line!r} is {source.count(line)} times in {module.__name__}"
    mutant = ModuleType(f"wrong_{module.__name__}")
    exec(compile(source.replace(line, wrong), module.__file__, "exec"), mutant.__dict__)
    return mutant
