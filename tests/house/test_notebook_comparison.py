"""nbval, as conftest.py sets it up, fails where a chapter no longer shows what is stored.

Each case is a cell of one notebook: it is run and stored by the tools, then changed, then run again
by pytest in a process of its own, as it would be in the book.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from notebooks import ROOT
from run_notebooks import read, run_all, write

PLOT = (
    "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(4, 3))\n"
    "ax.plot([0, 1, 2], [0, 1, 4], color='C0')\nplt.show()"
)
FRAMES = (
    "import base64, io\nfrom IPython.display import HTML\nfrom PIL import Image\n\n"
    "file = io.BytesIO()\nImage.new('RGB', (30, 30), 'navy').save(file, 'PNG')\n"
    "data = base64.b64encode(file.getvalue()).decode()\n"
    'HTML(f\'<img alt="A" src="data:image/png;base64,{data}">\')'
)
BOTH = (
    "import ipywidgets\n\n\nclass Both:\n    def _repr_mimebundle_(self, **options):\n"
    "        bundle = ipywidgets.IntSlider()._repr_mimebundle_()\n"
    "        return {**bundle, 'text/html': '<b>page</b>', 'text/plain': 'Both'}\n\n\nBoth()"
)
BAR = "from tqdm import tqdm\n\nfor _ in tqdm(range(9)):\n    pass\nprint('done')"


def replace(old, new):
    """Return a change that a learner could make to a cell's code."""

    def change(cell):
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def lose_outputs(cell):
    cell.outputs = []


class Case(NamedTuple):
    """Code as it was stored, what then happens to it, and what the failure must say."""

    code: str
    change: Callable[[Any], None] | None = None
    said: str = ""
    tags: tuple[str, ...] = ()


TIMED = "import time\n\nprint(time.time())\nassert 1 == 1"
WARN = "import warnings; warnings.warn('oh'); print(1)"
PLACE = (
    "import os, sys\n\nprint(os.path.samefile(sys.executable, {!r}), os.path.basename(os.getcwd()))"
)
PASS = {
    "number": Case("1 + 1"),
    "plot": Case(PLOT),
    "frames": Case(FRAMES),
    "widget and html": Case(BOTH),
    "progress bar": Case(BAR),
    "a time, ignored": Case(TIMED, tags=("nbval-ignore-output",)),
    "an expected error": Case("1 / 0", tags=("raises-exception",)),
    "this python, the chapter's folder": Case(PLACE.format(sys.executable)),
}
FAIL = {
    "another number": Case("print(1.25)", replace("1.25", "1.26"), "1.26"),
    "prints now": Case("x = 1", replace("x = 1", "print(1)"), "Unexpected output"),
    "silent now": Case("print(1)", replace("print(1)", "x = 1"), "Missing output"),
    "stored output lost": Case("print(1)", lose_outputs, "Unexpected output"),
    "line moved": Case(PLOT, replace("4]", "4.1]"), "pixels differ"),
    "other colour": Case(PLOT, replace("C0", "C1"), "-picture-1.png"),
    "picture gone": Case(PLOT, replace("plt.show()", "plt.close(fig)"), "Missing output"),
    "frame": Case(FRAMES, replace("navy", "blue"), "pixels differ"),
    "frame's size": Case(FRAMES, replace("(30, 30)", "(31, 30)"), "30×30, now 31×30"),
    "alt text": Case(FRAMES, replace('"A"', '"B"'), "alt="),
    "html": Case(BOTH, replace("page", "other"), "other"),
    "warning": Case("print(1)", replace("print(1)", WARN), "stderr"),
    "assertion": Case(TIMED, replace("1 == 1", "1 == 2"), "Assertion", ("nbval-ignore-output",)),
    "other error": Case(
        "1 / 0", replace("1 / 0", "int('a')"), "'ValueError'", ("raises-exception",)
    ),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Store all cases as one chapter, change them, let pytest run it; return its verdicts."""
    folder = tmp_path_factory.mktemp("counting")
    path, report = folder / "chapter.ipynb", folder / "report.xml"
    cases = {**PASS, **FAIL}
    cells = [new_code_cell(c.code, metadata={"tags": list(c.tags)}) for c in cases.values()]
    nbformat.write(new_notebook(cells=cells), path)
    run_all([path])
    changed = read(path)
    for cell, case in zip(changed.cells, cases.values(), strict=True):
        if case.change:
            case.change(cell)
    write(path, changed)
    validate(path, report)
    return dict(zip(cases, map(outcome, ElementTree.parse(report).iter("testcase")), strict=True))


def validate(path, report):
    """Run pytest on one notebook, set up as the repository sets it up."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "--color=no"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tools")])}
    subprocess.run(
        [*command, f"--junitxml={report}", str(path)], cwd=ROOT, env=variables, capture_output=True
    )


def outcome(testcase):
    """Return what went wrong in a test; empty if nothing did."""
    return "".join((fault.get("message", "") + (fault.text or "")) for fault in testcase)


@pytest.mark.parametrize("name", PASS)
def test_what_did_not_change_passes(results, name):
    assert results[name] == ""


@pytest.mark.parametrize("name", FAIL)
def test_what_changed_fails(results, name):
    assert FAIL[name].said in results[name]
    assert results[name] != ""


def test_both_pictures_are_kept_for_a_person(results):
    number = [*PASS, *FAIL].index("other colour")
    sheet = ROOT / "_build" / "pictures" / f"chapter-cell-{number}-picture-1.png"
    assert f"_build/pictures/{sheet.name}" in results["other colour"].replace("\\", "/")
    assert sheet.is_file()
    for file in sheet.parent.glob("chapter-cell-*-picture-*.png"):
        file.unlink()
