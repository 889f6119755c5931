"""The texts that every reader has: what the installed NumPy says, and how it is written."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

__all__ = ["numpy_docstrings", "numpy_source"]

# distutils comes with some versions of Python only, and the files are written anew for each
# system when NumPy is built. The first of them is changed when it is packed for Windows.
_FOLDERS_LEFT_OUT = {"tests", "distutils"}
_FILES_LEFT_OUT = {
    "__init__.py",
    "__config__.py",
    "_distributor_init.py",
    "version.py",
}


_DOCUMENTED = (
    ast.Module,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
)


def numpy_docstrings() -> str:
    """Return all docstrings in the installed NumPy, in the order of its files.

    Those of modules, classes and functions, public or not, and those that NumPy hands over to what
    is written in C; without tests. They are indented as `help` shows them, with an empty line
    between each two. Nothing is imported or run: the files are parsed.

    Chapter: *word-model*.
    """
    return "\n\n".join(
        text for source in _sources() for text in _docstrings(source)
    )


def numpy_source() -> str:
    """Return the Python code of the installed NumPy, without tests, in the order of its files.

    Chapter: *character-model*.
    """
    return "\n\n".join(_sources())


def _sources() -> list[str]:
    """The text of each file, but of those that are not the same everywhere."""
    folder = Path(np.__file__).parent
    # Sorted as text: paths themselves are sorted otherwise on Windows.
    names = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*.py")
    )
    kept = (name for name in names if not _left_out(name))
    texts = ((folder / name).read_text(encoding="utf-8") for name in kept)
    return [text for text in texts if text.strip()]


def _left_out(name: str) -> bool:
    *folders, file = name.split("/")
    if not _FOLDERS_LEFT_OUT.isdisjoint(folders):
        return True
    return not folders and file in _FILES_LEFT_OUT


def _docstrings(source: str) -> list[str]:
    """The docstrings in a file, in their order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a string is theirs to mend
        tree = ast.parse(source)
    found = []
    for node in (tree, *_statements(tree)):
        if isinstance(node, _DOCUMENTED):
            found.append(ast.get_docstring(node) or "")
        elif isinstance(node, ast.Expr) and _hands_over(node.value):
            texts = _literals(node.value.args[-1])
            # Names are handed over as well; they have no spaces.
            found += [text for text in texts if " " in text]
    return [text for text in found if text]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a node, line by line, without what the lines are made of."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


def _hands_over(node: ast.expr) -> bool:
    """Whether this is how NumPy documents what is written in C: add_newdoc(…, "the text")."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    return getattr(node.func, "id", "") == "add_newdoc"


def _literals(node: ast.expr) -> Iterator[str]:
    """The strings that stand there as such.

    An f-string does not: Python takes it apart at other places from version to version.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield inspect.cleandoc(node.value)
    elif isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from _literals(element)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _literals(node.func.value)  # of "…".replace(…)
