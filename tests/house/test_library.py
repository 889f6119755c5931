"""rnnlib's imports point one way, its core needs NumPy alone, and all of it is documented."""

import subprocess
import sys

import library_rules as rules
import pytest
from notebooks import ROOT

MODULES = sorted(path for path in (ROOT / "rnnlib").glob("*.py") if path.stem != "__init__")
BLOCKED = ("matplotlib", "ipywidgets", "PIL", "IPython", "pandas", "scipy")
BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_point_one_way(path):
    assert rules.wrong_imports(path.stem, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_public_is_documented(path):
    assert rules.undocumented(path.stem, path.read_text(encoding="utf-8")) == []


def run_blocked(code, blocked=BLOCKED):
    program = BLOCK.format(blocked=set(blocked)) + code
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)


def test_the_core_works_without_anything_that_draws():
    core = [p.stem for p in MODULES if p.stem not in rules.DRAWING]
    code = "import rnnlib\n" + "\n".join(f"import rnnlib.{name}" for name in core)
    code += (
        "\nimport numpy as np\nx = np.ones((3, 2))\n"
        "model = rnnlib.LinearRNN(w_x=1.0, w_rec=0.5)\n"
        "rnnlib.check_gradients(model, x, np.array([3.0, 3.0]))\nprint('works')"
    )
    run = run_blocked(code)
    assert run.stdout == "works\n", run.stderr


def test_the_block_blocks():
    assert run_blocked("import matplotlib").returncode == 1
    assert run_blocked("import numpy", blocked=["numpy"]).returncode == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("data", "from rnnlib.linear import LinearRNN"),
        ("linear", "def f():\n    import rnnlib.train"),
        ("optim", "from rnnlib import plots"),
        ("linear", "import matplotlib.pyplot as plt"),
        ("train", "from ipywidgets import Output"),
        ("linear", "from .data import counting_task"),
        ("linear", "from rnnlib import counting_task"),
        ("plots", "import scipy"),
    ],
)
def test_a_wrong_import_is_seen(module, line):
    assert rules.wrong_imports(module, line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("linear", "import math\nimport numpy.random"),
        ("train", "from tqdm import tqdm\nfrom rnnlib.optim import SGD"),
        ("explore", "from PIL import Image\nfrom rnnlib import plots"),
    ],
)
def test_a_right_import_passes(module, line):
    assert rules.wrong_imports(module, line) == []


def test_a_module_without_a_place_is_seen():
    with pytest.raises(LookupError, match="newcomer"):
        rules.rank("newcomer")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f() -> int:\n    return 1", "m.f: no docstring"),
        ('def f(x) -> int:\n    """Doc."""', "m.f: no type hint for x"),
        ('def f(*, x: int):\n    """Doc."""', "m.f: no type hint for what it returns"),
        ("class A:\n    pass", "m.A: no docstring"),
        ('class A:\n    """Doc."""\n    def f(self) -> int: ...', "m.A.f: no docstring"),
        (
            'class A:\n    """D."""\n    def __init__(self, x) -> None: ...',
            "__init__: no type hint",
        ),
    ],
)
def test_the_undocumented_is_seen(source, said):
    assert said in "\n".join(rules.undocumented("m", '"""Doc."""\n' + source))
    assert "m: no docstring" in rules.undocumented("m", source)


def test_the_documented_and_the_private_pass():
    source = '"""Doc."""\ndef f(x: int) -> int:\n    """Doc."""\ndef _g(x): ...\nclass _H: ...'
    assert rules.undocumented("m", source) == []
