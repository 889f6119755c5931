"""Show a function of the library by its own source, so that text and code cannot drift apart."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable

__all__ = ["show_source"]


class Source:
    """Source code that a notebook shows as a highlighted block, and a terminal as text."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return self.code

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.code}\n```"


def show_source(thing: Callable | type, docstring: bool = False) -> Source:
    """Show how a function, method or class is written, here and now.

    Arguments
        thing      the function, method or class
        docstring  show its docstring too; off by default, because the chapter around it
                   explains the same

    Returns
        source  displays itself

    Errors
        TypeError  something that has no Python source
    """
    try:
        code = textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        raise TypeError(
            f"thing: expected a Python function or class, got {thing!r:.60}"
        ) from None
    return Source(code.rstrip() if docstring else _without_docstrings(code))


def _without_docstrings(code: str) -> str:
    lines = code.rstrip().split("\n")
    for node in ast.walk(ast.parse(code)):
        if not isinstance(
            node, ast.FunctionDef | ast.ClassDef
        ) or not ast.get_docstring(node):
            continue
        first = node.body[0]
        begin, end = first.lineno - 1, first.end_lineno
        # Where a docstring stood, the blank line after it goes too.
        if end < len(lines) and not lines[end].strip():
            end += 1
        lines[begin:end] = [None] * (end - begin)
        if len(node.body) == 1:
            lines[begin] = " " * first.col_offset + "..."
    return "\n".join(line for line in lines if line is not None)
