"""The rule of proof: a labelled equation that states a derivative has a cell that checks it."""

import re
from typing import Any, NamedTuple

from chapter_rules import prose
from notebooks import code_cells, describe_cell, tags

Notebook = Any

FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}|:{3,})[ \t]*(.*?)[ \t]*$")
DOLLARS = re.compile(r"\$\$(.*?)\$\$(?:[ \t]*\(([^)\s]+)\))?", re.DOTALL)
MATH = re.compile(r"^[ \t]*(`{3,}|:{3,})\{math\}[^\n]*\n(.*?)^[ \t]*\1", re.DOTALL | re.MULTILINE)
LABEL = re.compile(r"^[ \t]*:label:[ \t]*(\S+)[ \t]*\n", re.MULTILINE)
ENVIRONMENT = re.compile(r"\\begin\{(equation|align|gather)\}(.*?)\\end\{\1\}", re.DOTALL)
TEX_LABEL = re.compile(r"\\label\{([^}]+)\}")
# What makes an equation a gradient equation: any way of writing a derivative, and the symbols
# of the notation that *are* derivatives (δ_t, Δ of a step is not one).
D = r"(?:\\(?:mathrm|operatorname|text|mathit)\s*\{\s*d\s*\}|\\mathrm\s+d|\\dd\b|\{\\rm\s+d\s*\})"
GRADIENT = re.compile(
    r"\\partial"  # ∂, ∂⁺, in a fraction or inline
    r"|\\nabla"
    rf"|{D}"  # an upright d: of a quotient, a differential
    r"|\\d?frac\s*\{\s*d\s*(?:\^\d\s*)?[^}]*\}\s*\{\s*d"  # \frac{d L}{d w} with a slanted d
    r"|\\delta(?![a-zA-Z])"  # δ_t = ∂L/∂h_t, by the notation
    r"|\\(?:mathrm|operatorname)\{(?:grad|Jac)\w*\}"
)
PROOF = re.compile(r"\bassert\b|\bcheck_gradients\b|np\.testing\.assert_")


class Equation(NamedTuple):
    """A labelled display equation."""

    label: str
    tex: str


def labelled_equations(text: str) -> list[Equation]:
    """Return the labelled display equations of a text, in all forms that MyST knows."""
    text = _without_code(text)
    found = [Equation(match[2], match[1]) for match in DOLLARS.finditer(text) if match[2]]
    for match in MATH.finditer(text):
        label = LABEL.search(match[2])
        found += [Equation(label[1], LABEL.sub("", match[2]))] if label else []
    for match in ENVIRONMENT.finditer(text):
        found += [Equation(label, match[2]) for label in TEX_LABEL.findall(match[2])]
    return found


def _without_code(text: str) -> str:
    """Drop code blocks: what looks like an equation in them is none. Directives stay."""
    kept: list[str] = []
    open_fences: list[tuple[str, bool]] = []  # the fence, and whether code is inside
    for line in text.splitlines():
        match = FENCE.match(line)
        inside = bool(open_fences) and open_fences[-1][1]
        if match and open_fences and not match[2] and match[1].startswith(open_fences[-1][0]):
            open_fences.pop()
        elif match and not inside:
            code = not match[2].startswith("{") or match[2].startswith("{code")
            open_fences.append((match[1], code))
            inside = code
        kept += [] if inside else [line]
    return "\n".join(kept)


def is_gradient(equation: Equation) -> bool:
    """Tell whether an equation states a derivative."""
    return bool(GRADIENT.search(equation.tex))


def check_tags(notebook: Notebook) -> dict[str, list[Any]]:
    """Return, for each label, the cells tagged checks:<label>."""
    found: dict[str, list[Any]] = {}
    for cell in notebook.cells:
        for tag in tags(cell):
            if tag.startswith("checks:"):
                found.setdefault(tag.removeprefix("checks:"), []).append(cell)
    return found


def unchecked(notebooks: list[Notebook], pages: tuple[str, ...] = ()) -> list[str]:
    """Return the labels of gradient equations without a check cell anywhere in the book."""
    texts = [prose(notebook) for notebook in notebooks] + list(pages)
    equations = [equation for text in texts for equation in labelled_equations(text)]
    checked = {label for notebook in notebooks for label in check_tags(notebook)}
    return [e.label for e in equations if is_gradient(e) and e.label not in checked]


def empty_checks(notebook: Notebook) -> list[str]:
    """A cell that claims to check something contains an assertion, in code that runs."""
    faults = []
    for index, cell in enumerate(notebook.cells):
        if any(tag.startswith("checks:") for tag in tags(cell)):
            code = re.sub(r"#.*", "", cell.source)
            fault = cell not in code_cells(notebook) or not PROOF.search(code)
            skipped = {"skip-execution", "nbval-skip", "raises-exception"} & set(tags(cell))
            if fault or skipped:
                faults.append(f"{describe_cell(notebook, index)}: checks nothing")
    return faults


def unknown_labels(notebooks: list[Notebook], pages: tuple[str, ...] = ()) -> list[str]:
    """Return the checks:<label> tags whose equation does not exist."""
    texts = [prose(notebook) for notebook in notebooks] + list(pages)
    labels = {equation.label for text in texts for equation in labelled_equations(text)}
    checked = {label for notebook in notebooks for label in check_tags(notebook)}
    return sorted(checked - labels)


def repeated_labels(texts: list[str]) -> list[str]:
    """Return the equation labels that occur twice in the book."""
    labels = [equation.label for text in texts for equation in labelled_equations(text)]
    return sorted({label for label in labels if labels.count(label) > 1})
