"""Source shown in a chapter: the code itself, less the docstrings, and nothing else."""

import ast
import importlib
import inspect
import pkgutil
import textwrap

import numpy as np
import pytest

import rnnlib

MODULES = [
    importlib.import_module(f"rnnlib.{m.name}") for m in pkgutil.iter_modules(rnnlib.__path__)
]


def functions_and_classes():
    """Everything public that the library defines, and the methods and helpers beside it."""
    found = {}
    for module in MODULES:
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) != module.__name__ or not callable(thing):
                continue
            found[f"{module.__name__}.{name}"] = thing
            if inspect.isclass(thing):
                for method in vars(thing).values():
                    if inspect.isfunction(method) and method.__module__ == module.__name__:
                        if inspect.unwrap(method).__code__.co_filename == "<string>":
                            continue  # what a dataclass writes for itself has no source
                        found[f"{module.__name__}.{method.__qualname__}"] = method
    return found


THINGS = functions_and_classes()


def tree_without_docstrings(code):
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def test_the_things_shown_are_those_of_the_whole_library():
    assert {"rnnlib.linear.LinearRNN", "rnnlib.linear.LinearRNN.states"} <= THINGS.keys()
    public = {f"{m.__name__}.{name}": getattr(m, name) for m in MODULES for name in m.__all__}
    # Some rooms hand on what the files beside them define: under two names, one thing.
    again = {
        name
        for name, thing in public.items()
        if THINGS.get(f"{getattr(thing, '__module__', '')}.{name.rpartition('.')[2]}") is thing
        and name not in THINGS
    }
    assert {name.rpartition(".")[0] for name in again} == {
        "rnnlib.data",
        "rnnlib.generate",
        "rnnlib.optim",
        "rnnlib.text",
        "rnnlib.train",
    }
    public = {name: thing for name, thing in public.items() if name not in again}
    constants = {name for name, thing in public.items() if isinstance(thing, dict | tuple | str)}
    assert constants == {
        "rnnlib.bptt.TRUNCATIONS",
        "rnnlib.model.CELLS",
        "rnnlib.inits.SCHEMES",
        "rnnlib.losses.LOSSES",
        "rnnlib.corpora.CORPORA",
        "rnnlib.vocabulary.UNKNOWN",
        "rnnlib.vocabulary.START",
        "rnnlib.vocabulary.END",
        "rnnlib.reber.REBER_SYMBOLS",
        "rnnlib.data.REBER_SYMBOLS",
        "rnnlib.tiny.SYMBOLS",
        "rnnlib.plots.COLORS",
    }
    assert public.keys() - THINGS.keys() == constants


@pytest.mark.parametrize("name", THINGS)
def test_what_is_shown_is_the_same_program_without_its_docstrings(name):
    whole = textwrap.dedent(inspect.getsource(THINGS[name]))
    shown = rnnlib.show_source(THINGS[name]).code
    assert ast.dump(ast.parse(shown)) == tree_without_docstrings(whole)
    # Comments say why, and stay; no line is changed, moved or made up.
    rest = iter(whole.split("\n"))
    assert all(line in rest for line in shown.split("\n"))
    for line in whole.split("\n"):
        assert not line.lstrip().startswith("#") or line in shown


@pytest.mark.parametrize("name", THINGS)
def test_with_its_docstring_everything_is_shown(name):
    shown = rnnlib.show_source(THINGS[name], docstring=True).code
    assert shown == textwrap.dedent(inspect.getsource(THINGS[name])).rstrip()


def test_a_short_function_is_shown_line_by_line():
    def double(x):
        """Twice x."""
        # The string below is data, not a docstring.
        unit = """counts"""

        return 2 * x, unit

    assert rnnlib.show_source(double).code == "\n".join(
        [
            "def double(x):",
            "    # The string below is data, not a docstring.",
            '    unit = """counts"""',
            "",
            "    return 2 * x, unit",
        ]
    )


def test_a_class_keeps_its_lines_apart_but_begins_without_a_gap():
    class Pair:
        """Two numbers."""

        first: float = 0.0

        def swap(self):
            """Exchange them."""
            return self

    assert rnnlib.show_source(Pair).code == "\n".join(
        [
            "class Pair:",
            "    first: float = 0.0",
            "",
            "    def swap(self):",
            "        return self",
        ]
    )


def test_a_blank_line_inside_a_text_stays():
    def words():
        """Two lines and a gap."""
        return """ones:

        two"""

    assert rnnlib.show_source(words).code.count("\n\n") == 1
    assert "gap" not in rnnlib.show_source(words).code


def test_a_body_that_is_a_docstring_alone_leaves_dots():
    class Empty:
        """Nothing else."""

    assert rnnlib.show_source(Empty).code == "class Empty:\n    ..."


def test_it_displays_itself_as_a_highlighted_block_and_as_text():
    source = rnnlib.show_source(rnnlib.LinearRNN.states)
    assert repr(source) == source.code
    assert source.code.startswith("def states(")
    assert source._repr_markdown_() == f"```python\n{source.code}\n```"
    assert "```" not in source.code


@pytest.mark.parametrize("thing", [len, np.ndarray, 3, "states", None])
def test_what_has_no_python_source_is_a_type_error(thing):
    with pytest.raises(TypeError, match=r"^thing: expected a Python function or class, got "):
        rnnlib.show_source(thing)
