"""The rules of rnnlib, read from its source: which way imports point, and what is documented."""

import ast
import sys
from collections.abc import Iterator

# A module may import those of its own line or above it, never those below.
LAYERS = (
    ("checks", "source", "buffers", "files", "interrupts", "history", "progress"),
    ("bits", "memory", "reber", "data", "batching", "losses", "inits", "onehot"),
    ("vocabulary", "numpytexts", "corpora", "tokens", "splitting", "ngrams", "sampling", "text"),
    ("linear", "cells"),
    ("gated",),
    ("bptt", "arguments"),
    ("model", "graph"),
    ("graphrnn", "tiny"),
    ("gradcheck", "stepping", "weights"),
    ("rprop", "annealing", "clipping"),
    ("optim",),
    ("checkpoint", "descent"),
    ("scoring",),
    ("running",),
    ("resume",),
    ("train", "generate"),
    ("plots",),
    ("diagrams", "graphdraw", "netdraw"),
    ("explore",),
)
EXTRA = {
    "progress": {"tqdm"},
    "history": {"pandas"},
    "corpora": {"pooch"},
    "train": {"tqdm"},
    "generate": {"tqdm"},
    "plots": {"matplotlib", "tqdm"},
    "diagrams": {"matplotlib"},
    "graphdraw": {"matplotlib"},
    "netdraw": {"matplotlib"},
    "explore": {"matplotlib", "ipywidgets", "PIL", "IPython", "tqdm"},
}
DRAWING = ("plots", "diagrams", "graphdraw", "netdraw", "explore")


def imports(source: str) -> set[str]:
    """Return the dotted names of all modules that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            whole = base in ("rnnlib", ".")
            found |= {f"{base}.{alias.name}" for alias in node.names} if whole else {base}
    return found


def rank(module: str) -> int:
    """Return the layer of a module of rnnlib; fail for one that has no place yet."""
    for number, layer in enumerate(LAYERS):
        if module in layer:
            return number
    raise LookupError(f"rnnlib/{module}.py has no layer: give it one in {__name__}.LAYERS")


def wrong_imports(module: str, source: str) -> list[str]:
    """Return the imports of a module that point the wrong way or bring in too much."""
    faults = []
    for name in sorted(imports(source)):
        own, _, rest = name.lstrip(".").partition(".")
        if name.startswith("."):
            faults.append(f"{name}: write `from rnnlib...`, so that one can see where it points")
        elif own == "rnnlib":
            inner = rest.split(".")[0]
            known = any(inner in layer for layer in LAYERS)
            if not known:
                faults.append(f"{name}: import from the module that defines it")
            elif rank(inner) > rank(module):
                faults.append(f"{name}: {inner} stands above {module}")
        elif own not in {"numpy"} | set(sys.stdlib_module_names) | EXTRA.get(module, set()):
            faults.append(f"{name}: only {', '.join(sorted(EXTRA))} may import more than NumPy")
    return faults


def undocumented(module: str, source: str) -> list[str]:
    """Return public functions, classes and methods without docstring or type hints."""
    tree = ast.parse(source)
    faults = [] if ast.get_docstring(tree) else [f"{module}: no docstring"]
    for name, node in _public(tree, module):
        # A constructor is described with its class.
        if not ast.get_docstring(node) and not name.endswith("__init__"):
            faults.append(f"{name}: no docstring")
        if not isinstance(node, ast.ClassDef):
            faults += [f"{name}: no type hint for {what}" for what in _untyped(node)]
    return faults


def _public(tree: ast.AST, where: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not _is_private(node.name):
            name = f"{where}.{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, name)


def _is_private(name: str) -> bool:
    return name.startswith("_") and name != "__init__"


def _untyped(function: ast.FunctionDef) -> list[str]:
    given = function.args
    every = given.posonlyargs + given.args + given.kwonlyargs
    every += [argument for argument in (given.vararg, given.kwarg) if argument]
    missing = [a.arg for a in every if a.annotation is None and a.arg not in ("self", "cls")]
    return missing + (["what it returns"] if function.returns is None else [])
